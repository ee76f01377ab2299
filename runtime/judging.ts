// Policy matters one after another, each judged before its turn comes. Judging is done a piece at a time, so that stores
// and deliveries go between; the order in which matters came is kept, whatever each of them takes. Decides nothing.
import type { Policy } from '../machines/index.js';
import type { Command, Reply } from './commands.js';
import { earlierPolicies, refuse } from './decide/index.js';
import { unlessDamaged } from './integrity.js';
import { keys } from './keys.js';
import { limits } from './limits.js';
import type { Clock } from './ports.js';
import type { Source } from './queries.js';
import type { Registry } from './registry.js';
import type { RulesRow } from './rows.js';

const matters = [
  'policy.installed',
  'policy.activated',
  'policy.deactivated',
  'rules.activated',
] as const;

/** A command about policies. */
export type PolicyMatter = Extract<Command, { type: (typeof matters)[number] }>;

export const isPolicyMatter = (command: Command): command is PolicyMatter =>
  (matters as readonly string[]).includes(command.type);

export interface JudgingParts {
  readonly registry: Registry;
  /** Rules that were taken up before, by their hash; null where there are none. */
  readonly rulesOf: (hash: string) => unknown;
  /** Lets whatever else there is go first. */
  readonly pause: () => Promise<void>;
}

/** Resolves when everything that is ready to go on has done so. */
export const pauseOf = (clock: Pick<Clock, 'soon'>): Promise<void> =>
  new Promise((resolve) => clock.soon(resolve));

export class Judging {
  private last: Promise<unknown> = Promise.resolve();
  private waiting = 0;

  constructor(private readonly parts: JudgingParts) {}

  /** Judges what a matter needs, and then lets it have its turn, as it was when it came: whoever brought it may change it. */
  submit(command: PolicyMatter, turn: (own: PolicyMatter) => Promise<Reply>): Promise<Reply> {
    if (this.waiting >= limits.policyMattersMax) return Promise.resolve(refuse('overloaded'));
    const own = copyOf(command);
    if (own === null) return Promise.resolve(notJson(command));
    this.waiting += 1;
    const reply = this.last.then(() => this.ahead(own)).then(() => turn(own));
    const over = (): void => {
      this.waiting -= 1;
    };
    this.last = reply.then(over, over);
    return reply;
  }

  /** Judges something that decides nothing, in the same line: one at a time, however many ask. */
  inLine<T>(work: () => Promise<T>): Promise<T> {
    const done = this.last.then(work);
    const over = (): void => {};
    this.last = done.then(over, over);
    return done;
  }

  private async ahead(command: PolicyMatter): Promise<void> {
    const { registry, pause } = this.parts;
    const { verdicts } = registry;
    if (command.type === 'policy.installed') await verdicts.fileAhead(command.source, pause);
    if (command.type === 'rules.activated') {
      const { source = this.parts.rulesOf(command.hash ?? '') } = command;
      for (const { hash } of this.ruled(source)) await this.fileOf(hash);
    }
    if (command.type === 'policy.deactivated') {
      const [earlier] = earlierPolicies(registry);
      if (earlier !== undefined) await this.fileOf(earlier);
    }
    if (command.type !== 'policy.activated') return;
    const { hash, mode, from = [], map = {} } = command;
    await this.fileOf(hash);
    const to = registry.get(hash);
    if (to === null || mode === 'new') return;
    for (const one of from) {
      const older = registry.get(one);
      if (older !== null && one !== hash) await verdicts.moveAhead(older, to, map, pause);
    }
  }

  // What passed once since the start has passed.
  private async fileOf(hash: string): Promise<void> {
    const { registry, pause } = this.parts;
    const row = registry.row(hash);
    if (row !== null && !registry.verdicts.has(hash))
      await registry.verdicts.fileAhead(row.source, pause);
  }

  // Whatever they look like: the turn says what is wrong with them.
  private ruled(source: unknown): readonly Policy[] {
    const { rules } = (source ?? {}) as { readonly rules?: unknown };
    const all: readonly ({ readonly policy?: unknown } | null)[] = Array.isArray(rules)
      ? rules.slice(0, limits.selectionRulesMax)
      : [];
    const names = new Set(all.map((one) => one?.policy));
    return [...names].flatMap((name) => {
      const found = typeof name === 'string' ? this.parts.registry.named(name) : null;
      return found === null ? [] : [found];
    });
  }
}

/** Judges for an engine that has this source. */
export const judgingOf = ({ registry, ledger }: Source, clock: Pick<Clock, 'soon'>): Judging =>
  new Judging({
    registry,
    rulesOf: (hash) =>
      unlessDamaged(() => ledger.readJson<RulesRow>(keys.rules(hash))?.source) ?? null,
    pause: () => pauseOf(clock),
  });

// Null: there is something in it that no file can hold, or it is nested too deeply.
function copyOf(command: PolicyMatter): PolicyMatter | null {
  try {
    return structuredClone(command);
  } catch {
    return null;
  }
}

const notJson = ({ type }: PolicyMatter): Reply =>
  refuse(type === 'rules.activated' ? 'rules-refused' : 'policy-refused', 'It is no plain JSON.');
