// What the two kinds of call ask of the leg they belong to, and what the leg tells a dialog. Types alone.
import type { Clock } from '../../../runtime/index.js';
import type { Place } from './link.js';
import type { ClientTransaction, ServerTransaction } from './transactions.js';
import type { HeaderLine, HeardRequest, HeardResponse } from './wire.js';

/** What hears the requests within one dialog. */
export interface DialogEnd {
  /** An ACK came; not necessarily that of its INVITE. */
  acknowledged(ack: HeardRequest): void;
  /** Whether a request's number is higher than those before it (section 12.2.2). */
  inOrder(cseq: number): boolean;
  bye(request: HeardRequest): void;
  end(): void;
}

/** Who hears what is said to a request of ours. */
export interface Asking {
  /** The final answer, or null when none came; a 2xx to an INVITE may come more than once. */
  readonly final: (response: HeardResponse | null) => void;
  readonly provisional?: () => void;
  readonly acknowledge?: (response: HeardResponse) => void;
}

export interface LegCore {
  readonly clock: Pick<Clock, 'after'>;
  /** What the proxies are shown. */
  readonly token: string;
  /** Contact of our side of every dialog. */
  readonly contact: string;
  /** Unguessable letters for tags. */
  random(): string;
  newBranch(): string;
  via(branch: string): HeaderLine;
  /** Sends a request outside of any transaction: an ACK. */
  send(octets: Uint8Array, to: Place): void;
  /** Sends a request and waits for what is said to it; null when there is no room to wait: it is sent once. */
  transact(
    key: { readonly branch: string; readonly method: string },
    octets: Uint8Array,
    to: Place,
    asking: Asking,
  ): Pick<ClientTransaction, 'giveUp'> | null;
  addDialog(key: string, end: DialogEnd): void;
  dropDialog(key: string): void;
  /** Answers a request without a body. */
  answer(transaction: ServerTransaction, status: number, lines?: readonly HeaderLine[]): void;
}
