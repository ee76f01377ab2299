// The operator's own system in the kill tests: it hears of every step, answers most of the time, and knows what it was told
// first. Asked at the end of a round whether anything is missing, out of order, or about something that never became true.
import type { NatsConnection } from 'nats';
import { subjects } from '../../adapters/nats/index.js';
import type { AuditEvent } from '../../runtime/index.js';
import { type Fault, pairOf, type Row } from './judge.js';
import { pause } from './keeper.js';

/** Every so many events none is answered. */
const deafEvery = 7;

/** Longer than the longest wait between two repetitions of an event. */
const patienceMs = 35_000;

export class Auditor {
  /** Events by message, in the order in which they were first heard. */
  private readonly told = new Map<string, AuditEvent[]>();
  private count = 0;

  constructor(bus: NatsConnection) {
    bus.subscribe(subjects.event, {
      callback: (_error, message) => {
        this.hear(message.json<AuditEvent>());
        this.count += 1;
        if (this.count % deafEvery !== 0) message.respond('taken');
      },
    });
  }

  private hear(event: AuditEvent): void {
    const known = this.told.get(event.deferredId) ?? [];
    this.told.set(event.deferredId, known);
    if (!known.some((one) => one.number === event.number)) known.push(event);
  }

  /** What is wrong with what was told of these messages, once they have ended or the patience has. */
  async faults(rows: ReadonlyMap<string, Row>): Promise<readonly Fault[]> {
    const until = performance.now() + patienceMs;
    while ([...rows.values()].some((row) => !this.isTold(row)) && performance.now() < until)
      await pause(100);
    return [...rows.values()].flatMap((row) => this.faultsOf(row));
  }

  private isTold(row: Row): boolean {
    const last = this.told.get(row.deferredId)?.at(-1);
    return last !== undefined && last.outcome === row.outcome && last.after === row.state;
  }

  private faultsOf(row: Row): readonly Fault[] {
    const told = this.told.get(row.deferredId) ?? [];
    const id = pairOf(row.asserted, row.aor);
    const numbers = told.map((one) => one.number);
    const found: string[] = [];
    if (numbers.some((number, at) => number !== at + 1))
      found.push(`events out of order or missing: ${numbers.join(' ')}`);
    if (row.outcome !== null && !this.isTold(row))
      found.push(`it is ${row.state}, and the last event says ${told.at(-1)?.after ?? 'nothing'}`);
    if (told.some((one, at) => at > 0 && one.before !== told[at - 1]?.after))
      found.push('an event of a step that did not become true');
    return found.map((why) => ({ kind: 'wrong', id, why }));
  }
}
