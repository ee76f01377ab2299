// A small program that embeds the engine, as `openEngine` is meant to be used, and is driven through the pipe to its
// parent: the in-process demo runs it as a child because one act kills it with `kill -9`. Ends when its parent does.
// Decides nothing.

import type { Binding } from '../../../runtime/index.js';
import { type Effect, type LocalEngine, openEngine } from '../../compose.js';

/** What the parent asks for. */
export type HostCall =
  | { readonly op: 'submit'; readonly octets: Uint8Array; readonly asserted: string }
  | { readonly op: 'registered'; readonly aor: string; readonly bindings: readonly Binding[] }
  | { readonly op: 'unregistered'; readonly aor: string }
  | {
      readonly op: 'outcome';
      readonly effectId: string;
      readonly token: string;
      readonly status: number;
    }
  | { readonly op: 'list'; readonly aor: string }
  | { readonly op: 'remove'; readonly aor: string; readonly ids: readonly string[] | 'all' };

/** A call with its number. */
export interface HostRequest {
  readonly id: number;
  readonly call: HostCall;
}

/** What the parent hears: an answer, or a committed effect. */
export type HostNotice =
  | { readonly id: number; readonly value: unknown }
  | { readonly id: number; readonly error: string }
  | { readonly effect: Pick<Effect, 'effectId' | 'token' | 'request'> };

const tell = (notice: HostNotice): void => {
  if (process.connected) process.send?.(notice);
};

function run(engine: LocalEngine, call: HostCall): Promise<unknown> {
  switch (call.op) {
    case 'submit':
      return engine.submit(call.octets, { asserted: call.asserted });
    case 'registered':
      return engine.registered(call.aor, call.bindings);
    case 'unregistered':
      return engine.unregistered(call.aor);
    case 'outcome':
      return engine.outcome(call.effectId, call.token, call.status);
    case 'list':
      return engine.list(call.aor);
    case 'remove':
      return engine.remove(call.aor, call.ids);
    default: {
      const never: never = call;
      throw new TypeError(`unknown call ${JSON.stringify(never)}`);
    }
  }
}

async function main([folder = '', host = '']: readonly string[]): Promise<void> {
  const engine = await openEngine({
    folder,
    host,
    admin: true,
    onEffect: ({ effectId, token, request }) => tell({ effect: { effectId, token, request } }),
  });
  process.on('message', ({ id, call }: HostRequest) => {
    run(engine, call)
      .then((value) => tell({ id, value }))
      .catch((cause: unknown) => tell({ id, error: String(cause) }));
  });
  process.once('disconnect', () => void engine.close().finally(() => process.exit(0)));
}

await main(process.argv.slice(2));
