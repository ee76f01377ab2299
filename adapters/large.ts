// Large messages put together: the SIP leg, the MSRP door, and the two ways through them. Present only when
// `msrp.address` is configured. Part of the composition root: it knows the adapters, and decides nothing.
import {
  hostClock,
  hostEntropy,
  type Opened,
  type OutgoingDelivery,
  type ProxyPlace,
  type Runtime,
} from '../runtime/index.js';
import type { Config } from './config.js';
import type { Log } from './log.js';
import type { LargeFigures } from './metrics/index.js';
import { Delivery, Intake, type LargeCodec, MsrpHub } from './msrp/index.js';
import { secureMsrp } from './msrp-options.js';
import type { Publisher } from './nats/index.js';
import type { Answered } from './publishing.js';
import type { ServiceHooks } from './service-options.js';
import { formatSipDate, largeRequest, openLeg, readInvite, readLarge } from './sip/index.js';

// The same settings as for messages outside of a session.
const codecOf = (config: Config): LargeCodec => {
  const [draft00, recordRoute] = [config['report.draft00'], config['report.recordRoute'] ?? null];
  return {
    readInvite,
    readLarge: (invite, asserted, large) => readLarge(invite, asserted, large, { draft00 }),
    largeRequest: (effect) => largeRequest(effect, { recordRoute }),
    formatSipDate,
  };
};

/** What large messages need of the rest of the service, known only when that is there. */
export interface LargeHooks {
  readonly runtime: Pick<Runtime, 'submit' | 'refusal'>;
  /** `address:port` of the proxy to call through, or null. */
  readonly innerOf: (node: string | null) => string | null;
  readonly answered: Answered;
  readonly failpoint?: (name: 'ack.before' | 'ack.after') => void;
}

export interface LargeMessages {
  /** What the proxies are told. */
  readonly leg: { readonly at: string; readonly token: string };
  readonly msrpPort: number;
  /** Begins to take calls. */
  start(hooks: LargeHooks): void;
  /** Carries out a delivery of a large message. */
  send(effect: OutgoingDelivery): void;
  /** What came of it all since the start, and what is under way. */
  figures(): LargeFigures;
  close(): Promise<void>;
}

/** Opens the doors of large messages, or null when they are off. Rejects when an address cannot be had. */
export async function openLarge(config: Config, log: Log): Promise<LargeMessages | null> {
  const address = config['msrp.address'];
  if (address === undefined) return null;
  const [clock, entropy] = [hostClock, hostEntropy];
  const host = config['msrp.host'] ?? address;
  const secure = secureMsrp(config);
  const hub = await MsrpHub.listen({
    ...{ address, port: config['msrp.port'], host, clock, entropy },
    networks: config['msrp.networks'],
    ...(secure === null ? {} : { secure }),
  });
  const onFailure = (where: string, cause: unknown) =>
    log('error', 'large.failed', { where, why: String(cause) });
  const parts: { intake: Intake | null; delivery: Delivery | null } = {
    intake: null,
    delivery: null,
  };
  const leg = await openLeg({
    place: { address: config['sipLeg.address'], port: config['sipLeg.port'] },
    ...{ clock, entropy, onFailure },
    onInvite: (call) => {
      if (parts.intake === null) call.refuse(503);
      else parts.intake.heard(call);
    },
  }).catch(async (cause: unknown) => {
    await hub.close();
    throw cause;
  });
  const octetsMax = config['msrp.messageOctets'];
  return {
    leg: { at: placeText(leg.place), token: leg.token },
    msrpPort: hub.port,
    start: (hooks) => {
      const shared = { hub, codec: codecOf(config), clock, onFailure };
      const { answered, runtime, failpoint } = hooks;
      const proxyFor = (node: string | null) => placeOf(hooks.innerOf(node));
      parts.delivery = new Delivery({ ...shared, leg, proxyFor, answered });
      parts.intake = new Intake({
        ...shared,
        ...{ runtime, octetsMax },
        onDoubtful: ({ event, ...what }) => log('warn', event, { ...what }),
        ...(failpoint === undefined ? {} : { failpoint }),
      });
    },
    send: (effect) => parts.delivery?.send(effect),
    figures: () => ({
      sessions: (parts.intake?.sessions ?? 0) + (parts.delivery?.underWay ?? 0),
      ...{ octets: hub.counters.octets, events: hub.counters.events },
    }),
    close: async () => {
      await parts.intake?.close();
      parts.delivery?.close();
      await leg.close();
      await hub.close();
    },
  };
}

/** What large messages get of a service. */
export const largeHooks = (
  { engine: runtime }: Opened,
  publisher: Publisher,
  answered: Answered,
  { failpoint }: ServiceHooks,
): LargeHooks => ({
  ...{ runtime, answered },
  innerOf: (node) => publisher.innerOf(node),
  ...(failpoint === undefined ? {} : { failpoint }),
});

/** Carries out deliveries of large messages; what was stored while they were on waits for that to be so again. */
export const pushingLarge =
  (large: LargeMessages | null, answered: Answered) =>
  (effect: OutgoingDelivery): void => {
    if (large === null) answered(effect.effectId, effect.token, 501);
    else large.send(effect);
  };

const placeText = ({ address, port }: ProxyPlace): string =>
  `${address.includes(':') ? `[${address}]` : address}:${port}`;

/** `address:port`, IPv6 in brackets; null for anything else. */
export function placeOf(text: string | null): ProxyPlace | null {
  const colon = text?.lastIndexOf(':') ?? -1;
  if (text === null || colon === -1) return null;
  const port = Number(text.slice(colon + 1));
  const name = text.slice(0, colon);
  const address = name.startsWith('[') && name.endsWith(']') ? name.slice(1, -1) : name;
  const usable = Number.isInteger(port) && port > 0 && port < 65_536 && address !== '';
  return usable ? { address, port } : null;
}
