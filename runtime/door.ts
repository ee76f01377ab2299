// The door in front of the writer: counts what comes, sends it to its partition, and takes apart what is more than one
// command: `all` becomes as many as it needs, and a message that finds a mailbox full may first make room for itself.
// Decides nothing; after closing it lets nothing in.
import type { Command, IdResult, Reply } from './commands.js';
import type { BulkType } from './decide/index.js';
import { quotaRefusals } from './errors.js';
import type { Failpoint } from './failpoints.js';
import type { Identities } from './identity.js';
import { isPolicyMatter, type Judging, type PolicyMatter } from './judging.js';
import { partitionOf } from './keys.js';
import type { LapsedUsers } from './lapsed.js';
import { limits } from './limits.js';
import type { Questions } from './questions.js';
import { partitionFor } from './router.js';
import type { Statistics } from './statistics.js';
import type { RuntimeSettings } from './turn.js';
import { closedFault, type Writer } from './writer.js';

export interface DoorOptions {
  readonly writer: Writer;
  readonly identities: Identities;
  readonly statistics: Statistics;
  readonly lapsed: LapsedUsers;
  readonly questions: Questions;
  readonly judging: Judging;
  readonly closed: () => boolean;
  readonly failpoint: (name: Failpoint) => void;
  readonly settings: Pick<RuntimeSettings, 'atLimit' | 'mailboxMessagesMax'>;
}

type Received = Extract<Command, { type: 'message.received' }>;
type Bulk = Extract<Command, { type: BulkType }>;

const isBulk = (command: Command): command is Bulk =>
  command.type === 'messages.deleted' ||
  command.type === 'messages.requested' ||
  command.type === 'messages.discarded';

export class Door {
  /** Who makes room in a mailbox now, the last one in line: two at once would count on the same oldest message. */
  private readonly making = new Map<string, Promise<unknown>>();

  constructor(private readonly options: DoorOptions) {}

  /** Resolves when what the command changed is durable. Rejects with a RuntimeFault when closed. */
  submit(command: Command): Promise<Reply> {
    // No async function: one promise less for every message.
    try {
      return this.taken(command);
    } catch (cause) {
      return Promise.reject(cause);
    }
  }

  private taken(command: Command): Promise<Reply> {
    this.checkOpen();
    this.received(command);
    if (isBulk(command)) return this.bulk(command);
    if (isPolicyMatter(command)) return this.judged(command);
    const reply = this.pass(command);
    const makesRoom = this.options.settings.atLimit === 'drop-oldest';
    return command.type === 'message.received' && makesRoom
      ? reply.then((first) => this.afterMakingRoom(command, first))
      : reply;
  }

  private checkOpen(): void {
    if (this.options.closed()) throw closedFault();
  }

  private received({ type }: Command): void {
    const { statistics, failpoint, lapsed } = this.options;
    statistics.command(type);
    failpoint('cmd.received');
    if (type === 'effect.answered') failpoint('outcome.received');
    else if (type === 'policy.activated') failpoint('policy.before-activate');
    else if (type === 'recipient.registered') lapsed.registered();
  }

  private pass(command: Exclude<Command, Bulk>): Promise<Reply> {
    const partition = partitionFor(command, this.options.identities);
    return this.options.writer.submit(command, partition) as Promise<Reply>;
  }

  // Meanwhile the door may have been closed.
  private judged(command: PolicyMatter): Promise<Reply> {
    return this.options.judging.submit(command, (own) => {
      this.checkOpen();
      return this.pass(own);
    });
  }

  // `all` is as many commands as it needs; each id has its own result either way.
  private async bulk(command: Bulk): Promise<Reply> {
    const { writer, questions, settings } = this.options;
    const { type, aor } = command;
    const named = command.type === 'messages.discarded' ? 'all' : command.ids;
    const ids = named === 'all' ? await questions.owned(aor, settings.mailboxMessagesMax) : named;
    const results: IdResult[] = [];
    for (let from = 0; from < ids.length; from += limits.groupCommandsMax) {
      this.checkOpen();
      const part = ids.slice(from, from + limits.groupCommandsMax);
      const reply = (await writer.submit({ type, aor, ids: part }, partitionOf(aor))) as Reply;
      if (reply.kind !== 'results') return reply;
      results.push(...reply.results);
    }
    return { kind: 'results', results };
  }

  private afterMakingRoom(command: Received, first: Reply): Reply | Promise<Reply> {
    if (!lacksRoom(first)) return first;
    const { aor } = command.message;
    const reply = (this.making.get(aor) ?? Promise.resolve()).then(() => this.makeRoom(command));
    const over = reply.catch(() => {});
    this.making.set(aor, over);
    void over.then(() => {
      if (this.making.get(aor) === over) this.making.delete(aor);
    });
    return reply;
  }

  // What was made free may be taken before it is used, by a message that came straight in: then room is made anew.
  private async makeRoom(command: Received): Promise<Reply> {
    for (let round = 1; ; round += 1) {
      const evicted = await this.evictFor(command);
      this.checkOpen();
      const reply = await this.pass(command);
      if (!lacksRoom(reply) || !evicted || round >= limits.roomRoundsMax) return reply;
    }
  }

  private async evictFor({ message }: Received): Promise<boolean> {
    const { writer, questions } = this.options;
    const victims = await questions.victims(message);
    for (const local of victims) {
      this.checkOpen();
      await writer.submit({ type: 'room.made', local }, partitionOf(message.aor));
    }
    return victims.length > 0;
  }
}

const lacksRoom = (reply: Reply): boolean =>
  reply.kind === 'refused' && quotaRefusals.has(reply.code);
