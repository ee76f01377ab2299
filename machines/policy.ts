// What a policy file is, and the canonical form that gives it its name. The machine is built from that form,
// so key order means nothing (RFC 8785).
import { createHash } from 'node:crypto';
import type { PolicySettings } from './settings.js';

/** A name with typed parameters, as XState writes it; a bare string has none. */
export type Named =
  | string
  | { readonly type: string; readonly params?: Readonly<Record<string, unknown>> };

export interface TransitionConfig {
  readonly target?: string;
  readonly guard?: Named;
  readonly actions?: Named | readonly Named[];
  readonly reenter?: boolean;
  readonly description?: string;
}

/** One transition, or an ordered list of which the first that is enabled is taken. */
export type Transitions = string | TransitionConfig | readonly (string | TransitionConfig)[];

export interface StateConfig {
  readonly id?: string;
  readonly type?: 'final' | 'parallel' | 'history';
  readonly history?: 'shallow' | 'deep';
  readonly target?: string;
  readonly initial?: string;
  readonly description?: string;
  readonly tags?: readonly string[];
  readonly meta?: {
    readonly outcome: string;
    readonly retention?: Readonly<Record<string, number>>;
  };
  readonly entry?: Named | readonly Named[];
  readonly exit?: Named | readonly Named[];
  readonly on?: Readonly<Record<string, Transitions>>;
  readonly after?: Readonly<Record<string, Transitions>>;
  readonly always?: Transitions;
  readonly onDone?: Transitions;
  readonly states?: Readonly<Record<string, StateConfig>>;
}

export interface MachineConfig extends StateConfig {
  readonly id: string;
  readonly states: Readonly<Record<string, StateConfig>>;
}

export interface PolicyFile {
  readonly id: string;
  readonly title: string;
  readonly description: string;
  readonly settings?: Partial<PolicySettings>;
  readonly machine: MachineConfig;
}

/** The canonical JSON of a value: sorted keys, no white space (RFC 8785). */
export function canonicalJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`;
  if (value === null || typeof value !== 'object') return JSON.stringify(value);
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${entries.map(([key, item]) => `${JSON.stringify(key)}:${canonicalJson(item)}`).join(',')}}`;
}

/** Content hash of a policy: SHA-256 over its canonical form, 64 hex digits. It is the policy's version. */
export function policyHash(canonical: string): string {
  return createHash('sha256').update(canonical).digest('hex');
}

/** A list of what may stand alone. */
export function listOf<T>(value: T | readonly T[] | undefined): readonly T[] {
  if (value === undefined) return [];
  return Array.isArray(value) ? (value as readonly T[]) : [value as T];
}

/** The JSON pointer of one of several, or of the one that stands alone. */
export const alternative = (value: unknown, pointer: string, order: number): string =>
  Array.isArray(value) ? `${pointer}/${order}` : pointer;

/** The transitions of one entry, in their order, each as an object. */
export function transitionsOf(value: Transitions | undefined): readonly TransitionConfig[] {
  return listOf(value as TransitionConfig | readonly TransitionConfig[] | undefined).map((one) =>
    typeof one === 'string' ? { target: one } : one,
  );
}

/** Name and parameters of a guard or action. */
export function named(value: Named): {
  readonly type: string;
  readonly params: Readonly<Record<string, unknown>>;
} {
  return typeof value === 'string'
    ? { type: value, params: {} }
    : { type: value.type, params: value.params ?? {} };
}
