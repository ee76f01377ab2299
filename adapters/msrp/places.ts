// Where calls of ours may connect to. The place is named by the answer of a phone, so whoever can register could have the
// engine speak to services that only this host reaches: by default nothing is spoken to that no phone on a network can be,
// and an operator may name the networks that are left. A host name is judged by what it stands for, and connected to as
// that, so that it cannot mean something else a moment later.
import { type LookupAddress, type LookupOptions, lookup } from 'node:dns';
import { BlockList, isIP, type LookupFunction } from 'node:net';
import { networkInterfaces } from 'node:os';

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
  ...['::/128', '::1/128', 'fe80::/10', 'ff00::/8', 'fd00:ec2::254'],
];

const loopback = ['127.0.0.0/8', '::1/128'];

const listOf = (networks: readonly Network[]): BlockList => {
  const list = new BlockList();
  for (const { address, bits, family } of networks) list.addSubnet(address, bits, family);
  return list;
};

const networksOf = (texts: readonly string[]): Network[] =>
  texts.map(readNetwork).filter((one) => one !== null);

const holds = (list: BlockList, address: string): boolean =>
  list.check(address, isIP(address) === 4 ? 'ipv4' : 'ipv6');

// A network of IPv4 is also reached by IPv6 addresses it is part of: compatible ones, those of NAT64 (RFC 6052) and of 6to4
// (RFC 3056). A list knows the mapped ones by itself.
function withEmbedded(networks: readonly Network[]): BlockList {
  const family = 'ipv6';
  return listOf(
    networks.flatMap((one): Network[] => {
      if (one.family !== 'ipv4') return [one];
      const { address, bits } = one;
      const hex = Buffer.from(address.split('.').map(Number)).toString('hex');
      return [
        one,
        { address: `::${address}`, family, bits: 96 + bits },
        { address: `64:ff9b::${address}`, family, bits: 96 + bits },
        { address: `2002:${hex.slice(0, 4)}:${hex.slice(4)}::`, family, bits: 16 + bits },
      ];
    }),
  );
}

const nobodys = networksOf(nobodysPhone);

const liesWithin = (one: Network, other: Network): boolean =>
  other.bits <= one.bits && other.family === one.family && holds(listOf([other]), one.address);

/** The addresses of this host now: they come and go. */
const hostAddresses = (): readonly string[] =>
  Object.values(networkInterfaces()).flatMap((found = []) => found.map(({ address }) => address));

export class Places {
  private readonly named: BlockList | null;
  private readonly never = withEmbedded(nobodys);
  /** Nobody's, and allowed all the same. */
  private readonly exempt: BlockList;

  /** `networks`: those that may be connected to; none: all but nobody's. `ownAddress`: where we listen ourselves. */
  constructor(
    networks: readonly string[],
    ownAddress: string,
    /** A place was asked for that is not allowed. */
    private readonly refused: () => void = () => {},
    private readonly ownAddresses = hostAddresses,
  ) {
    const named = networksOf(networks);
    this.named = named.length === 0 ? null : listOf(named);
    // Nobody's is allowed where it is meant: named by itself, not as part of all there is. And who takes sessions on loopback
    // alone has its phones there.
    const onLoopback = holds(listOf(networksOf(loopback)), ownAddress);
    const meant = named.filter((one) => nobodys.some((other) => liesWithin(one, other)));
    this.exempt = listOf(named.length === 0 && onLoopback ? networksOf(loopback) : meant);
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
    if (this.named !== null && !holds(this.named, address)) return false;
    if (holds(this.exempt, address)) return true;
    return !holds(this.never, address) && (this.named !== null || !this.isOwn(address));
  }

  // What listens everywhere may be closed to others by a packet filter, and is open to this host.
  private isOwn(address: string): boolean {
    return holds(withEmbedded(networksOf(this.ownAddresses())), address);
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
