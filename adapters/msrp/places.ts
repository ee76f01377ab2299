// Where calls of ours may connect to. The place is named by the answer of a phone, so whoever can register could have the
// engine speak to services that only this host reaches: by default nothing is spoken to that no phone on a network can be,
// and an operator may name the networks that are left. A host name is judged by what it stands for, and connected to as
// that, so that it cannot mean something else a moment later.
import { type LookupAddress, type LookupOptions, lookup } from 'node:dns';
import { BlockList, isIP, type LookupFunction } from 'node:net';

/** A network: `192.0.2.0/24`, or one address. */
interface Network {
  readonly address: string;
  readonly family: 'ipv4' | 'ipv6';
  readonly bits: number;
}

/** Reads `ADDRESS` or `ADDRESS/BITS`; null for anything else. */
export function readNetwork(text: string): Network | null {
  const slash = text.indexOf('/');
  const address = slash === -1 ? text : text.slice(0, slash);
  const version = address.includes('%') ? 0 : isIP(address);
  if (version === 0) return null;
  const most = version === 4 ? 32 : 128;
  const bits = slash === -1 ? String(most) : text.slice(slash + 1);
  if (!/^(?:0|[1-9][0-9]{0,2})$/.test(bits) || Number(bits) > most) return null;
  return { address, family: version === 4 ? 'ipv4' : 'ipv6', bits: Number(bits) };
}

/** This host, its link (where clouds keep their secrets), nobody, and everybody at once (RFC 6890). */
const nobodysPhone = [
  ...['0.0.0.0/8', '127.0.0.0/8', '169.254.0.0/16', '224.0.0.0/4', '255.255.255.255'],
  ...['::/128', '::1/128', 'fe80::/10', 'ff00::/8'],
];

const loopback = ['127.0.0.0/8', '::1/128'];

const listOf = (networks: readonly string[]): BlockList => {
  const list = new BlockList();
  for (const one of networks.map(readNetwork))
    if (one !== null) list.addSubnet(one.address, one.bits, one.family);
  return list;
};

const holds = (list: BlockList, address: string): boolean =>
  list.check(address, isIP(address) === 4 ? 'ipv4' : 'ipv6');

export class Places {
  private readonly named: BlockList | null;
  private readonly never = listOf(nobodysPhone);
  private readonly always: BlockList;

  /** `networks`: those that may be connected to; none: all but nobody's. `ownAddress`: where we listen ourselves. */
  constructor(
    networks: readonly string[],
    ownAddress: string,
    /** A place was asked for that is not allowed. */
    private readonly refused: () => void = () => {},
  ) {
    this.named = networks.length === 0 ? null : listOf(networks);
    // Who takes sessions on loopback alone has its phones there.
    this.always = listOf(holds(listOf(loopback), ownAddress) ? loopback : []);
  }

  /** Whether a place may be connected to; a host name may, as `lookup` judges it. */
  mayTry(host: string): boolean {
    const may = isIP(host) === 0 || this.allows(host);
    if (!may) this.refused();
    return may;
  }

  private allows(address: string): boolean {
    // A zone names a link of this host.
    if (isIP(address) === 0 || address.includes('%')) return false;
    if (this.named !== null) return holds(this.named, address);
    return !holds(this.never, address) || holds(this.always, address);
  }

  /** Looks a host name up for a socket, and gives it those of its addresses that are allowed. */
  readonly lookup: LookupFunction = (host, options: LookupOptions, found) => {
    lookup(host, { ...options, all: true }, (fault, addresses: LookupAddress[]) => {
      const allowed = fault === null ? addresses.filter((one) => this.allows(one.address)) : [];
      const [first] = allowed;
      if (first === undefined) {
        if (fault === null) this.refused();
        found(fault ?? forbidden(host), []);
      } else if (options.all === true) found(null, allowed);
      else found(null, first.address, first.family);
    });
  };
}

const forbidden = (host: string): Error => new Error(`${host} stands for no place that is allowed`);
