// The engine inside another Node.js program: the same runtime, the same store, effects handed to a function in place
// of a bus. SIP octets go in and SIP request parts come out; the codec is handed in by the composition root.
import type { AnyMachineSnapshot } from 'xstate';
import {
  compilePolicy,
  type IncomingMessage,
  type MessageEvent,
  type OwnVocabulary,
  readPreferenceChange,
  vocabularyWith,
} from '../../machines/index.js';
import {
  type AuditEvent,
  type AuditPort,
  type Binding,
  type EffectPort,
  type Engine,
  type IdResult,
  type ListedMessage,
  type Listing,
  type MessageLife,
  type Opened,
  type OutgoingDelivery,
  type OutgoingEffect,
  type OutgoingNotice,
  type OutgoingReport,
  openFolder,
  type PreferencesView,
  type Reply,
  RuntimeFault,
  type RuntimeOptions,
  restore,
  type SentKey,
  type SentStatus,
} from '../../runtime/index.js';

/** A MESSAGE to be sent, complete but for what the transport adds. */
export interface RequestParts {
  readonly ruri: string;
  readonly nextHop: string | null;
  readonly headers: string;
  readonly body: Uint8Array;
  readonly fromName: string | null;
}

/** What the composition root hands in. */
export interface LocalCodec {
  readMessage(
    octets: Uint8Array,
    asserted: string | null,
  ):
    | { readonly ok: true; readonly message: IncomingMessage }
    | {
        readonly ok: false;
        readonly status: number;
        readonly code: string;
        readonly reason: string;
      };
  canonicalAor(uri: string): string | null;
  shownOctets(octets: Uint8Array): Uint8Array;
  deliverRequest(effect: OutgoingDelivery): RequestParts;
  reportRequest(effect: OutgoingReport): RequestParts;
  noticeRequest(effect: OutgoingNotice, rows: readonly ListedMessage[]): RequestParts;
  readonly noticeRowsMax: number;
}

/** A committed effect, with the SIP MESSAGE it asks for. Answer with `outcome(effectId, token, status)`. */
export type LocalEffect = OutgoingEffect & { readonly request: RequestParts };

export interface EngineOptions {
  /** Data folder; a store is made in it when it is empty or missing. */
  readonly folder: string;
  /** Right side of the deferred ids. Default: `deferred.invalid`, fit for tests only. */
  readonly host?: string;
  /** Guards and actions of your own, for policies that name them. Throws a TypeError on a name that cannot be taken. */
  readonly vocabulary?: OwnVocabulary;
  /** Policy files to install; the last one becomes the policy of new messages. */
  readonly policies?: readonly unknown[];
  /** Called after commit for every effect, and again until its outcome is known: know it by its `effectId`. */
  readonly onEffect: (effect: LocalEffect) => void;
  /**
   * Called after commit for every step of every message, in order for each message, and again until it returns or its
   * promise resolves: know an event by its `eventId`. Absent: no events are kept.
   */
  readonly onAudit?: (event: AuditEvent) => void | Promise<void>;
  /** Clock, randomness, settings and more, for tests and simulations. */
  readonly world?: Partial<Omit<RuntimeOptions, 'effects' | 'audits'>>;
}

/** One deferred message as an XState actor: it always exists, whether or not anything of it is in memory. */
export interface DeferredActor {
  /** XState's snapshot of it now; null when the store does not know it (any more). */
  getSnapshot(): AnyMachineSnapshot | null;
  /** Hears every committed step. */
  subscribe(observer: (snapshot: AnyMachineSnapshot) => void): { unsubscribe(): void };
  /** Deletes or retrieves it, through `submit`; resolves when that is durable. Other events come from the world. */
  send(
    event: Extract<MessageEvent, { type: 'message.deleted' | 'message.retrieved' }>,
  ): Promise<Reply>;
}

export interface LocalEngine {
  /** Stores a SIP MESSAGE, given as octets; `asserted` is the identity your proxy vouches for, or null. */
  submit(octets: Uint8Array, from: { readonly asserted: string | null }): Promise<Reply>;
  registered(aor: string, bindings: readonly Binding[]): Promise<Reply>;
  unregistered(aor: string): Promise<Reply>;
  /** The SIP final code of an effect (0: not sent at all), and its Retry-After in seconds if it had one. */
  outcome(
    effectId: string,
    token: string,
    status: number,
    retryAfterSeconds?: number | null,
  ): Promise<Reply>;
  list(aor: string, page?: { readonly after?: string; readonly limit?: number }): Promise<Listing>;
  /**
   * The octets of one of the owner's messages, without the headers that name an anonymous sender; it stays stored until
   * `confirm`. Null: no such message of his.
   */
  retrieve(
    aor: string,
    deferredId: string,
  ): { readonly octets: Uint8Array; confirm(): Promise<Reply> } | null;
  remove(aor: string, ids: readonly string[] | 'all'): Promise<readonly IdResult[]>;
  /** What a user wants, and what holds where he said nothing; null when his row is damaged. */
  preferences(aor: string): PreferencesView | null;
  /** Changes it, as the user would; the change is JSON as docs/preferences.md describes it. */
  setPreferences(aor: string, change: unknown): Promise<Reply>;
  /** Takes a message back for its sender, as long as it waits; a refusal says why not. */
  withdraw(sent: SentKey): Promise<Reply>;
  /** What has become of a message, for its sender. */
  sent(sent: SentKey): SentStatus | 'unknown' | 'not-told';
  show(deferredId: string): MessageLife | null;
  actor(deferredId: string): DeferredActor;
  /** Installs a policy file and stores new messages under it. Resolves with its hash, or a refusal. */
  activate(policy: unknown, by: string, reason?: string): Promise<Reply>;
  /** The runtime itself, for adapters of your own. */
  readonly runtime: Engine;
  close(): Promise<void>;
}

/** Opens an engine in this process. Rejects with a RuntimeFault that says what is wrong with the folder. */
export async function openLocalEngine(
  options: EngineOptions,
  codec: LocalCodec,
): Promise<LocalEngine> {
  const opened = await openFolder(
    { folder: options.folder, host: options.host ?? 'deferred.invalid' },
    {
      ...compileWith(options.vocabulary),
      ...options.world,
      effects: effectsTo(options.onEffect, codec),
      ...(options.onAudit === undefined ? {} : { audits: auditsTo(options.onAudit) }),
    },
  );
  try {
    await opened.ready;
    const engine = localEngine(opened, codec);
    for (const policy of options.policies ?? []) await activateOrThrow(engine, policy);
    return engine;
  } catch (cause) {
    await opened.close();
    throw cause;
  }
}

function compileWith(own: OwnVocabulary | undefined): Pick<RuntimeOptions, 'compile'> {
  if (own === undefined) return {};
  const vocabulary = vocabularyWith(own);
  return { compile: (source) => compilePolicy(source, vocabulary) };
}

async function activateOrThrow(engine: LocalEngine, policy: unknown): Promise<void> {
  const reply = await engine.activate(policy, 'program', 'options.policies');
  if (reply.kind === 'refused')
    throw new RuntimeFault('DEFERRED_IM_POLICY_INVALID', `options.policies: ${reply.reason}`);
}

function effectsTo(onEffect: EngineOptions['onEffect'], codec: LocalCodec): EffectPort {
  const hand = (effect: OutgoingEffect, request: RequestParts) => {
    try {
      onEffect({ ...effect, request });
    } catch (cause) {
      // A bug of the program shows itself there, and not as a failure of the store.
      process.nextTick(() => {
        throw cause;
      });
    }
  };
  return {
    ready: () => true,
    send: (effect) => {
      if (effect.type === 'deliver') hand(effect, codec.deliverRequest(effect));
      else if (effect.type === 'report') hand(effect, codec.reportRequest(effect));
      else
        effect.list(codec.noticeRowsMax).then(
          ({ messages }) => hand(effect, codec.noticeRequest(effect, messages)),
          // The engine is closing: the notice is in the store.
          () => {},
        );
    },
  };
}

// A program that throws, or rejects, has not taken the event: it comes again.
const auditsTo = (onAudit: NonNullable<EngineOptions['onAudit']>): AuditPort => ({
  ready: () => true,
  publish: async (event) => {
    try {
      await onAudit(event);
      return true;
    } catch {
      return false;
    }
  },
});

function localEngine(opened: Opened, codec: LocalCodec): LocalEngine {
  const { engine } = opened;
  const aorOf = (uri: string): string => {
    const aor = codec.canonicalAor(uri);
    if (aor === null) throw new TypeError(`${JSON.stringify(uri)} is not an address of record`);
    return aor;
  };
  const keyOf = ({ sender, imdnMessageId, aor }: SentKey): SentKey => ({
    ...{ sender: aorOf(sender), imdnMessageId, aor: aorOf(aor) },
  });
  return {
    runtime: engine,
    submit: async (octets, { asserted }) => {
      const read = codec.readMessage(octets, asserted);
      if (read.ok)
        return engine.submit({ type: 'message.received', message: read.message, node: null });
      const { status, code, reason } = read;
      return { kind: 'refused', status, code, reason, retryAfterSeconds: null };
    },
    registered: (aor, bindings) =>
      engine.submit({ type: 'recipient.registered', aor: aorOf(aor), node: null, bindings }),
    unregistered: (aor) => engine.submit({ type: 'recipient.unregistered', aor: aorOf(aor) }),
    outcome: (effectId, token, status, retryAfterSeconds = null) =>
      engine.submit({ type: 'effect.answered', effectId, token, status, retryAfterSeconds }),
    list: (aor, page = {}) => engine.list(aorOf(aor), page.after ?? null, page.limit ?? 100),
    retrieve: (aor, deferredId) => {
      const owner = aorOf(aor);
      const found = engine.read(owner, deferredId);
      const confirm = () =>
        engine.submit({ type: 'messages.retrieved', aor: owner, ids: [deferredId] });
      return found === null ? null : { octets: codec.shownOctets(found.octets), confirm };
    },
    remove: async (aor, ids) => {
      const reply = await engine.submit({ type: 'messages.deleted', aor: aorOf(aor), ids });
      return reply.kind === 'results' ? reply.results : [];
    },
    preferences: (aor) => engine.preferences(aorOf(aor)),
    setPreferences: async (aor, change) => {
      const read = readPreferenceChange(change, (uri) => codec.canonicalAor(uri));
      if (!read.ok) {
        const { pointer, message } = read.findings[0]!;
        throw new TypeError(`the change of preferences: ${pointer || '/'} ${message}`);
      }
      const by = { role: 'owner' } as const;
      return engine.submit({
        type: 'preferences.changed',
        aor: aorOf(aor),
        change: read.change,
        by,
      });
    },
    withdraw: (sent) => engine.submit({ type: 'message.withdrawn', sent: keyOf(sent) }),
    sent: (sent) => engine.sent(keyOf(sent)),
    show: (deferredId) => engine.show(deferredId),
    actor: (deferredId) => actorOf(engine, deferredId),
    activate: async (policy, by, reason = '') => {
      const installed = await engine.submit({ type: 'policy.installed', source: policy, by });
      if (installed.kind !== 'policy') return installed;
      return engine.submit({
        type: 'policy.activated',
        hash: installed.hash,
        mode: 'new',
        by,
        reason,
      });
    },
    close: () => opened.close(),
  };
}

function actorOf(engine: Engine, deferredId: string): DeferredActor {
  const snapshot = (): AnyMachineSnapshot | null => {
    const row = engine.actor(deferredId);
    const policy = row === null ? null : engine.registry.get(row.policy);
    return row === null || policy === null ? null : restore(policy, row.actor);
  };
  return {
    getSnapshot: snapshot,
    subscribe: (observer) => {
      const stop = engine.onStep((id, row) => {
        const policy = engine.registry.get(row.policy);
        if (id === deferredId && policy !== null) observer(restore(policy, row.actor));
      });
      return { unsubscribe: stop };
    },
    send: async (event) => {
      const aor = engine.show(deferredId)?.message.aor;
      if (aor === undefined) throw new TypeError(`no message ${JSON.stringify(deferredId)}`);
      if (event.type === 'message.retrieved') {
        return engine.submit({ type: 'messages.retrieved', aor, ids: [deferredId] });
      }
      return engine.submit({ type: 'messages.deleted', aor, ids: [deferredId] });
    },
  };
}
