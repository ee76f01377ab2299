// A store's histories, lived again under the very policy they were lived by, come out as they did, whatever people,
// operators, phones and senders' proxies have done meanwhile.
import t from 'tap';
import { type PolicyFile, shippedPolicy, shippedPolicyIds } from '../../machines/index.js';
import { type Command, shadowOf } from '../../runtime/index.js';
import { EngineUnderTest } from '../support/engine.js';
import {
  alice,
  deleted,
  hoursMs,
  minutesMs,
  numbered,
  plain,
  received,
} from '../support/messages.js';
import { compiled, shipped } from '../support/policies.js';

/** A small generator with a state of 32 bits (xorshift). */
function dice(seed: number): (sides: number) => number {
  let state = (seed * 2_654_435_761) >>> 0 || 1;
  return (sides) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    state >>>= 0;
    return state % sides;
  };
}

const acts = [
  'delete',
  'expire',
  'drop',
  'release',
  'extend',
  'retry',
  'withdraw',
  'force',
] as const;
const statuses = [200, 200, 408, 415, 480, 486, 603, null];
const waits = [1, 30, 41, 301, 3600, 7200, 50_000];

interface Sent {
  readonly id: string;
  readonly aor: string;
  readonly imdnMessageId: string;
}

/** One life of a store, by seed. */
class Lives {
  readonly sent: Sent[] = [];
  constructor(
    readonly test: EngineUnderTest,
    private readonly roll: (sides: number) => number,
  ) {}

  async run(steps: number): Promise<void> {
    for (let step = 0; step < steps; step += 1) await this.step();
    await this.test.clock.settle();
  }

  private pick<T>(all: readonly T[]): T {
    return all[this.roll(all.length)]!;
  }

  private async step(): Promise<void> {
    const { test } = this;
    const kind = this.roll(10);
    if (kind < 2 || this.sent.length === 0) return this.send();
    if (kind === 2) return test.clock.advance(this.pick(waits) * 1000);
    if (kind === 3) return this.move();
    if (kind < 6) return this.answer();
    const one = this.pick(this.sent);
    await test.submit(kind < 8 ? this.byOperator(one) : this.byPeople(one));
  }

  private async send(): Promise<void> {
    const number = this.sent.length + 1;
    const aor = `sip:user${this.roll(3)}@example.org`;
    const facts = { aor, dateMs: null, expiresSeconds: this.pick([60, 3600, 86_400, 10 * 86_400]) };
    const message =
      this.roll(4) === 0 ? plain({ ...facts, callId: `c${number}` }) : numbered(number, facts);
    const id = await this.test.accept(received(message));
    this.sent.push({ id, aor, imdnMessageId: message.cpim?.imdnMessageId ?? 'none' });
  }

  private async move(): Promise<void> {
    const aor = `sip:user${this.roll(3)}@example.org`;
    if (this.roll(3) > 0) await this.test.register(this.pick([1, 24]), undefined, aor);
    else await this.test.submit({ type: 'recipient.unregistered', aor });
  }

  // Late, twice, or not at all, as it falls.
  private async answer(): Promise<void> {
    const asked = this.test.effects.distinct.filter(({ type }) => type !== 'notify');
    const effect = asked[asked.length - 1 - this.roll(Math.min(4, asked.length || 1))];
    const status = this.pick(statuses);
    if (effect !== undefined && status !== null) await this.test.answer(effect, status);
  }

  private byOperator({ id }: Sent): Command {
    const act = this.pick(acts);
    const seconds = act === 'extend' ? { seconds: this.pick([3600, 86_400]) } : {};
    return { type: 'operator.acted', deferredId: id, act, by: 'anna', ...seconds };
  }

  private byPeople({ id, aor, imdnMessageId }: Sent): Command {
    return this.pick<Command>([
      deleted([id], aor),
      { type: 'messages.retrieved', aor, ids: [id] },
      { type: 'messages.requested', aor, ids: [id] },
      { type: 'message.withdrawn', sent: { sender: alice, aor, imdnMessageId } },
      { type: 'message.unacknowledged', deferredId: id },
    ]);
  }
}

const seeds = 4;
const stepsEach = 70;

for (const policyId of shippedPolicyIds) {
  t.test(`${policyId}: the same policy makes no difference to any life`, async (t) => {
    const own = shipped(policyId);
    const ends = new Map<string, number>();
    for (let seed = 1; seed <= seeds; seed += 1) {
      const test = await EngineUnderTest.open({ policyId, seed });
      const lives = new Lives(test, dice(seed));
      await lives.run(stepsEach);
      await test.clock.advance(minutesMs(1));
      for (const { id } of lives.sent) {
        const row = test.engine.actor(id);
        // What has ended is forgotten after a time.
        if (row === null || row.revision !== row.trail.length) continue;
        const shadow = shadowOf(own, row, test.clock.now(), own);
        ends.set(shadow?.lived.end ?? 'null', (ends.get(shadow?.lived.end ?? 'null') ?? 0) + 1);
        const told = `seed ${seed}, ${id}: ${JSON.stringify(row.trail)}`;
        if (JSON.stringify(shadow?.would) !== JSON.stringify(shadow?.lived))
          t.same(shadow?.would, shadow?.lived, told);
        t.equal(shadow?.differs, false, told);
      }
      t.strictSame(test.exits, [], 'the engine lives');
      await test.close();
    }
    t.ok([...ends.values()].reduce((sum, one) => sum + one, 0) > 30, JSON.stringify([...ends]));
    t.ok(ends.size >= 4, JSON.stringify([...ends]));
  });
}

t.test('what an older row does not say is left out', async (t) => {
  const test = await EngineUnderTest.open({ policyId: 'hold-for-operator' });
  const own = compiled(shippedPolicy('hold-for-operator') as PolicyFile);
  const id = await test.accept(received(numbered(1)));
  await test.clock.advance(hoursMs(2));
  await test.submit({
    ...{ type: 'operator.acted', deferredId: id, act: 'extend', seconds: 7200, by: 'anna' },
  });
  const row = test.engine.actor(id)!;
  t.equal(shadowOf(own, row, test.clock.now(), own)?.differs, false);
  const { storedExpiresAtMs, ...older } = row;
  t.ok(storedExpiresAtMs);
  t.equal(shadowOf(own, older, test.clock.now(), own), null);
  await test.close();
});
