// What the story is played on: two phones, an engine that can be killed and started again, and the operator's way
// to ask it. Two stages exist, one with NATS, Kamailio and SIP on the wire, one without; the story cannot tell them
// apart and neither may know the story.
import type {
  MessageHandler,
  OutgoingMessage,
  SipAnswer,
  SipRequest,
  TranscriptEntry,
} from '../stage/sip-agent.js';

export type Heard = Pick<SipAnswer, 'status' | 'reason' | 'message' | 'header'>;

/** A user agent of Alice or Bob. */
export interface Phone {
  readonly user: string;
  readonly uri: string;
  /** Every MESSAGE it took in, once each, in order of arrival. */
  readonly received: readonly SipRequest[];
  onMessage: MessageHandler;
  register(): Promise<Heard>;
  unregister(): Promise<Heard>;
  message(message: OutgoingMessage): Promise<Heard>;
}

export interface Stage {
  readonly mode: 'real' | 'in-process';
  /** What stands between the phones: `proxy`, or `switch`. */
  readonly middle: string;
  /** Sentences that say what runs where. */
  readonly about: readonly string[];
  readonly alice: Phone;
  readonly bob: Phone;
  /** Everything the phones sent and received, in order. */
  readonly transcript: readonly TranscriptEntry[];
  /** Asks the running engine through its admin socket; rejects when it refuses. */
  ask(verb: string, args: object): Promise<unknown>;
  enginePid(): number;
  /** `kill -9`; resolves when the process is gone. */
  killEngine(): Promise<void>;
  /** Starts the engine on the same folder; resolves when it serves. */
  startEngine(): Promise<void>;
  /** The end of what engine and proxy logged. */
  log(): string;
  /** Ends everything that was started. */
  close(): Promise<void>;
}

export const domain = 'example.org';
export const passwords: Readonly<Record<string, string>> = { alice: 'wonder', bob: 'builder' };
export const storeHost = `store.${domain}`;
