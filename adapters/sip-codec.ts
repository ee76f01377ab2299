// The SIP codec as the other adapters get it: the readers and writers of adapters/sip, with what an operator has set
// about them. Part of the composition root.
import type { SipCodec } from './nats/index.js';
import {
  canonicalAor,
  deliverRequest,
  noticeRequest,
  noticeRowsMax,
  readAccessRules,
  readCommand,
  readContacts,
  readMessage,
  readPassedImdn,
  readSenderCommand,
  readSubscribe,
  reportRequest,
  resultPages,
  resultRequest,
  serviceUriOf,
  shownOctets,
} from './sip/index.js';

/** What an operator sets about reading and writing requests. */
export interface CodecOptions {
  readonly draft00?: boolean;
  readonly serviceIdentity?: string | null;
  readonly displayNames?: boolean;
  readonly recordRoute?: string | null;
  readonly trustedRoutes?: readonly string[];
}

/** The codec under these settings. */
export const codecOf = ({
  draft00 = false,
  serviceIdentity = null,
  displayNames = true,
  recordRoute = null,
  trustedRoutes = [],
}: CodecOptions): SipCodec => ({
  ...codec,
  ...(recordRoute === null
    ? {}
    : {
        readPassedImdn: (octets: Uint8Array, asserted: string | null) =>
          readPassedImdn(octets, asserted, { route: recordRoute, trusted: trustedRoutes }),
      }),
  deliverRequest: (effect) => deliverRequest(effect, { recordRoute }),
  readMessage: (octets, asserted) => readMessage(octets, asserted, { draft00 }),
  reportRequest: (effect) => reportRequest(effect, { serviceIdentity, displayNames }),
});

const codec: SipCodec = {
  readMessage,
  readCommand,
  readAccessRules,
  readSenderCommand,
  readSubscribe,
  serviceUriOf,
  resultPages,
  resultRequest,
  readContacts,
  canonicalAor,
  shownOctets,
  deliverRequest,
  reportRequest,
  noticeRequest,
  noticeRowsMax,
};
