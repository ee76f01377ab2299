// Policies by content hash. A message keeps the hash it was stored under; the active one is only for new messages.
// Built machines live here; the rows they come from live in the store.
import {
  type Compiled,
  compilePolicy,
  type KnownPolicy,
  type Policy,
  type PolicyFinding,
} from '../machines/index.js';
import type { PolicySummary } from './api.js';
import { RuntimeFault } from './errors.js';
import type { Judge, JudgeMove } from './gate.js';
import { PolicyCourse } from './policy-course.js';
import type { ActiveRow, PolicyRow } from './rows.js';
import { type Verdict, Verdicts } from './verdicts.js';

interface Installed {
  readonly policy: Policy;
  readonly row: PolicyRow;
}

export class Registry {
  private readonly installed = new Map<string, Installed>();
  private activeRow: ActiveRow | null = null;
  /** How policies came and went, and what is being moved. */
  readonly course = new PolicyCourse((hash) => this.get(hash));

  /** What the gate says. */
  readonly verdicts: Verdicts;

  constructor(
    /** Builds a policy file with the words this engine knows. */
    readonly compile: (source: unknown) => Compiled = compilePolicy,
    ask?: Judge,
    askMove?: JudgeMove,
  ) {
    this.verdicts = new Verdicts(compile, ask, askMove);
  }

  /**
   * Puts a policy file through the gate. What is stored already lives on without: its messages were accepted under it, and
   * an older release may have had fewer checks.
   */
  judge(source: unknown): Verdict {
    return this.verdicts.file(source);
  }

  /** Puts an installed policy through the gate, unless it has passed before. */
  rejudge(hash: string): { readonly ok: boolean; readonly findings: readonly PolicyFinding[] } {
    const row = this.row(hash);
    if (row === null || this.verdicts.has(hash)) return { ok: true, findings: [] };
    return this.judge(row.source);
  }

  /** Builds an installed policy. Throws DEFERRED_IM_POLICY_INVALID when its checks refuse it. */
  add(hash: string, row: PolicyRow): Policy {
    const known = this.installed.get(hash);
    if (known !== undefined) return known.policy;
    const compiled = this.compile(row.source);
    if (!compiled.ok) throw unusable(hash, `is refused: ${compiled.findings[0]?.message}`);
    if (compiled.policy.hash !== hash) throw unusable(hash, 'has another content');
    this.installed.set(hash, { policy: compiled.policy, row });
    return compiled.policy;
  }

  get(hash: string): Policy | null {
    return this.installed.get(hash)?.policy ?? null;
  }

  /** The version of a policy that was installed last, by its id. */
  newest(id: string): Policy | null {
    let found: Installed | null = null;
    for (const one of this.installed.values()) {
      const later = found === null || one.row.installedAtMs >= found.row.installedAtMs;
      if (one.policy.file.id === id && later) found = one;
    }
    return found?.policy ?? null;
  }

  /** Installed policies that a name may mean: every version of an id, or those whose hash begins so. */
  meant(name: string): readonly Policy[] {
    return [...this.installed.values()]
      .map(({ policy }) => policy)
      .filter(({ hash, file }) => file.id === name || (name !== '' && hash.startsWith(name)));
  }

  /** The one a rule means: of an id the version installed last, of a hash its beginning of eight digits or more. */
  named(name: string): Policy | null {
    const byId = this.newest(name);
    if (byId !== null || name.length < 8) return byId;
    const [one, ...others] = this.meant(name);
    return others.length === 0 ? (one ?? null) : null;
  }

  /** What rules that name a policy are to know of it. */
  known(name: string): KnownPolicy {
    const policy = this.named(name);
    if (policy === null) return null;
    const now = this.inForce(policy);
    return { successor: now === policy ? null : now.file.id };
  }

  row(hash: string): PolicyRow | null {
    return this.installed.get(hash)?.row ?? null;
  }

  /** Its row was written anew; its content is what it was. */
  rewrite(hash: string, row: PolicyRow): void {
    const known = this.installed.get(hash);
    if (known !== undefined) this.installed.set(hash, { ...known, row });
  }

  /** What is stored in place of this policy since its messages were moved: itself, or a successor. */
  inForce(policy: Policy): Policy {
    let at = policy;
    for (let steps = this.installed.size; steps > 0; steps -= 1) {
      const next = this.row(at.hash)?.successor;
      if (next === undefined) return at;
      at = this.get(next) ?? at;
    }
    return at;
  }

  activate(row: ActiveRow): void {
    this.activeRow = row;
  }

  get activation(): ActiveRow | null {
    return this.activeRow;
  }

  /** The policy of new messages. */
  get active(): Policy {
    const policy = this.activeRow === null ? null : this.get(this.activeRow.hash);
    if (policy === null) throw new TypeError('no policy is active');
    return policy;
  }

  summaries(): readonly PolicySummary[] {
    return [...this.installed.values()].map(({ policy, row }) => ({
      hash: policy.hash,
      id: policy.file.id,
      title: policy.file.title,
      active: policy.hash === this.activeRow?.hash,
      installedAtMs: row.installedAtMs,
    }));
  }
}

const unusable = (hash: string, why: string): RuntimeFault =>
  new RuntimeFault('DEFERRED_IM_POLICY_INVALID', `the stored policy ${hash} ${why}`);
