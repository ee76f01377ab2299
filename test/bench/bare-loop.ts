// The bare loop the engine is measured against: the same number of keys and octets for each message, the same checksums,
// set sums and group commit, and nothing else: no statechart, no parsing, no reading, no deciding. What it writes it
// learned from a store of the engine (shape.ts). Knows no bus and opens no store.
import { hostEntropy } from '../../runtime/clock.js';
import { add, type Sum, sealRow, subtract, writeSum, zero } from '../../runtime/integrity.js';
import { base32, keys, storeSumKey } from '../../runtime/keys.js';
import { limits, partitionCount } from '../../runtime/limits.js';
import type { RowWrite, StorePort } from '../../runtime/ports.js';
import type { RowShape, Shape } from './shape.js';

export interface BareOptions {
  readonly users: number;
  readonly shape: Shape;
}

interface Partition {
  count: number;
  sum: Sum;
}

const accepted = Buffer.from('Accepted').toString('base64');

export class BareLoop {
  private readonly partitions: Partition[] = Array.from({ length: partitionCount }, () => ({
    count: 0,
    sum: zero,
  }));
  /** Sums of the rows that are written over. */
  private readonly standing = new Map<string, Sum>();
  private group = new Map<string, Uint8Array>();
  private answers: string[] = [];
  private writing = false;
  private scheduled = false;
  private count = 0;
  private seq = 0;

  constructor(
    private readonly store: Pick<StorePort, 'commit'>,
    private readonly options: BareOptions,
    private readonly publish: (line: string) => void,
  ) {}

  hear(payload: Uint8Array): void {
    const octets = Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength);
    const end = octets.indexOf(13);
    const [, node, index, label] = octets.toString('latin1', 0, end).split(' ', 4);
    this.write(octets.subarray(end + 2));
    this.answers.push(`v1 ${node} ${index} ${label} 202 - ${accepted}`);
    if (this.writing || this.scheduled) return;
    this.scheduled = true;
    setImmediate(() => {
      this.scheduled = false;
      void this.close();
    });
  }

  private write(body: Uint8Array): void {
    const { users, shape } = this.options;
    const user = this.count % users;
    const partition = (user % partitionCount).toString(16).padStart(2, '0');
    const unique = base32(hostEntropy.bytes(17)).slice(0, 26);
    const number = this.count.toString().padStart(15, '0');
    for (const one of shape.fresh)
      this.group.set(
        freshKey(one, partition, unique, number),
        one.letter === 'b' ? body : payloadOf(one, unique),
      );
    for (const one of shape.again)
      this.group.set(standingKey(one, partition, user), payloadOf(one, unique));
    this.count += 1;
  }

  private async close(): Promise<void> {
    while (!this.writing && this.answers.length > 0) {
      const answers = this.answers.splice(0, limits.groupCommandsMax);
      const rows = this.seal();
      this.writing = true;
      await this.store.commit(rows);
      this.writing = false;
      for (const line of answers) this.publish(line);
    }
  }

  private seal(): RowWrite[] {
    const rows: RowWrite[] = [];
    const touched = new Set<number>();
    for (const [key, payload] of this.group) {
      const number = Number.parseInt(key.slice(0, 2), 16);
      const { value, sum } = sealRow(key, payload);
      this.account(key, this.partitions[number]!, sum);
      touched.add(number);
      rows.push({ key, value });
    }
    this.group = new Map();
    this.seq += 1;
    for (const number of touched) rows.push(this.meta(number));
    rows.push(sealed(storeSumKey, { epoch: 1, seq: this.seq, timeMs: Date.now() }));
    return rows;
  }

  private account(key: string, partition: Partition, sum: Sum): void {
    const before = this.standing.get(key);
    if (before === undefined) partition.count += 1;
    else partition.sum = subtract(partition.sum, before);
    partition.sum = add(partition.sum, sum);
    if (key[3] === 'u' || key[3] === 'w') this.standing.set(key, sum);
  }

  private meta(number: number): RowWrite {
    const { count, sum } = this.partitions[number]!;
    const row = { epoch: 1, seq: this.seq, count, sum: writeSum(sum), arrivals: this.count };
    return sealed(keys.meta(number), row);
  }
}

/** A JSON row under its checksum. */
export const sealed = (key: string, row: object): RowWrite => ({
  key,
  value: sealRow(key, Buffer.from(JSON.stringify(row))).value,
});

// As in the engine: mailbox places and timers ascend, the rest is spread by its random name.
function freshKey(one: RowShape, partition: string, unique: string, number: string): string {
  const ascends = one.letter === 't' || one.letter === 'r';
  const rest = ascends ? `${number}!${unique}` : `${unique}!${number}`;
  return `${partition}!${one.letter}!${rest}`.slice(0, one.keyOctets).padEnd(one.keyOctets, 'x');
}

const standingKey = (one: RowShape, partition: string, user: number): string =>
  `${partition}!${one.letter}!${user}!`.padEnd(one.keyOctets, 'x');

const templates = new Map<string, Buffer>();

/** A payload of the typical length that no other row has. */
function payloadOf({ payload }: RowShape, unique: string): Buffer {
  let template = templates.get(payload);
  if (template === undefined) {
    template = Buffer.from(payload, 'base64');
    templates.set(payload, template);
  }
  const copy = Buffer.from(template);
  copy.write(unique, Math.min(12, copy.length), 'latin1');
  return copy;
}
