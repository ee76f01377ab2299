// Delivery runs: oldest first, one message at a time, a window of users at once, and nobody
// forgotten.
import t from 'tap';
import type { TurnReply } from '../../runtime/decide/index.js';
import { arrivalNumber, keys } from '../../runtime/keys.js';
import { limits } from '../../runtime/limits.js';
import { Mailboxes } from '../../runtime/mailbox.js';
import { bob } from '../support/messages.js';
import { breathe, MemoryStore, SimulatedClock, seeded } from '../support/world.js';

type Came = TurnReply['came'];

function harness() {
  const clock = new SimulatedClock(0);
  const store = new MemoryStore();
  const turns: string[] = [];
  /** Those among them that their user asked for. */
  const askedFor: string[] = [];
  const failures: unknown[] = [];
  /** What the proxies are told about live messages: for so long they are queued. */
  const queued: string[] = [];
  const came = (_local: string): Came => 'sent';
  const world = { clock, store, turns, askedFor, failures, queued, came, canSend: true };
  const waits: (() => void)[] = [];
  const mailboxes = new Mailboxes(clock, store, {
    messagesMax: 100,
    now: () => clock.now(),
    canSend: () => world.canSend,
    queue: (aor, forMs) => queued.push(`${aor === bob ? '' : `${aor} `}${forMs}`),
    giveTurn: async (_aor, local, asked) => {
      turns.push(local);
      if (asked) askedFor.push(local);
      await Promise.resolve();
      return { kind: 'turn', came: world.came(local) };
    },
    open: (_key, value) => {
      const local = Buffer.from(value).toString();
      return local === 'damaged' ? null : local;
    },
    failed: (cause) => failures.push(cause),
  });
  let arrivals = 0;
  const put = (local: string, aor = bob) => {
    arrivals += 1;
    store.insert(keys.mailbox(aor, arrivalNumber(arrivals)), Buffer.from(local));
  };
  const settle = (
    local: string,
    answer: 'success' | 'temporary' | 'unsuitable' | 'overtaken' = 'success',
    retryAtMs: number | null = null,
    aor = bob,
  ) => mailboxes.settled({ type: 'settled', aor, local, answer, retryAtMs });
  return { ...world, world, waits, mailboxes, put, settle };
}

const some = (count: number) => Array.from({ length: count }, (_, at) => `m${at + 1}`);

t.test('C58 oldest first, one at a time, over page borders', async (t) => {
  const { clock, turns, mailboxes, put, settle } = harness();
  const count = limits.mailboxPageRows * 2 + 3;
  for (const local of some(count)) put(local);
  mailboxes.reachable(bob, 'node1');
  for (let given = 1; given <= count; given += 1) {
    await clock.settle();
    t.equal(turns.length, given);
    settle(`m${given}`);
  }
  await clock.settle();
  t.same(turns, some(count));
  t.equal(mailboxes.running, 0);
});

t.test('what passes, is gone or damaged does not stop the run', async (t) => {
  const { world, clock, turns, mailboxes, put } = harness();
  world.came = (local) => (local === 'm4' ? 'sent' : local === 'm1' ? 'gone' : 'passed');
  for (const local of ['m1', 'damaged', 'm2', 'damaged', 'm4', 'm5']) put(local);
  mailboxes.reachable(bob, null);
  await clock.settle();
  t.same(turns, ['m1', 'm2', 'm4']);
});

t.test(
  'B10 a message about which nothing can be decided gives its place in the run back',
  async (t) => {
    const { clock, turns, mailboxes, put, settle } = harness();
    for (const local of ['m1', 'm2']) put(local);
    mailboxes.reachable(bob, null);
    await clock.settle();
    mailboxes.lost('m9');
    await clock.settle();
    t.same(turns, ['m1'], 'another one changes nothing');
    mailboxes.lost('m1');
    await clock.settle();
    t.same(turns, ['m1', 'm2']);
    settle('m2');
    await clock.settle();
    t.equal(mailboxes.running, 0);
  },
);

t.test('what is asked for while the mailbox is read is given as asked for', async (t) => {
  const { world, clock, turns, askedFor, mailboxes, put, settle } = harness();
  put('m1');
  mailboxes.reachable(bob, null);
  await clock.settle();
  settle('m1');
  // The rest of the mailbox is being read in this very moment.
  mailboxes.requested(bob, null, ['m1']);
  await clock.settle();
  t.same(turns, ['m1', 'm1']);
  t.same(askedFor, ['m1'], 'not as any other turn, which may only tell of it');
  t.same(world.failures, []);
});

t.test('a whole page of damaged rows does not hide what follows', async (t) => {
  const { clock, turns, mailboxes, put } = harness();
  for (let at = 0; at < limits.mailboxPageRows; at += 1) put('damaged');
  put('m1');
  mailboxes.reachable(bob, null);
  await clock.settle();
  t.same(turns, ['m1']);
});

t.test('a temporary answer ends the run; it begins anew in time', async (t) => {
  const { clock, turns, mailboxes, put, settle } = harness();
  for (const local of some(2)) put(local);
  mailboxes.reachable(bob, null);
  await clock.settle();
  settle('m1', 'temporary', 90_000);
  await clock.settle();
  t.equal(mailboxes.running, 0);
  await clock.advance(89_999);
  t.same(turns, ['m1']);
  await clock.advance(1);
  t.same(turns, ['m1', 'm1']);
});

t.test(
  'C11 while nothing can be sent no turn is given; runs and retries go on at once',
  async (t) => {
    const { world, clock, turns, mailboxes, put, settle } = harness();
    for (const local of some(3)) put(local);
    put('c1', 'sip:carol@example.org');
    world.canSend = false;
    mailboxes.reachable(bob, null);
    await clock.settle();
    t.same(turns, []);
    mailboxes.retryAt('sip:carol@example.org', 60_000);
    await clock.advance(120_000);
    t.same(turns, [], 'his next try fell into the silence');
    world.canSend = true;
    mailboxes.wake();
    await clock.settle();
    t.same([...turns].sort(), ['c1', 'm1'], 'one for each of the two, without another wait');
    world.canSend = false;
    settle('m1');
    await clock.settle();
    world.canSend = true;
    mailboxes.wake();
    mailboxes.wake();
    await clock.settle();
    t.same(turns.slice(2), ['m2'], 'where it stood, once, and only who has nothing on its way');
    settle('m2', 'unsuitable');
    await clock.settle();
    settle('m3');
    settle('c1', 'success', null, 'sip:carol@example.org');
    await clock.settle();
    t.equal(mailboxes.running, 0);
  },
);

t.test('a registration before the retry comes instead of it', async (t) => {
  const { clock, turns, mailboxes, put, settle } = harness();
  put('m1');
  mailboxes.reachable(bob, null);
  await clock.settle();
  settle('m1', 'temporary', 60_000);
  mailboxes.reachable(bob, null);
  await clock.settle();
  t.same(turns, ['m1', 'm1']);
  t.equal(clock.waiting, 1, 'the word to the proxies alone');
  settle('m1', 'temporary', 60_000);
  mailboxes.unreachable(bob);
  await clock.advance(120_000);
  t.equal(turns.length, 2, 'nobody is there to be tried');
});

t.test('a registration during a push: the mailbox is gone through again', async (t) => {
  const { clock, turns, mailboxes, put, settle } = harness();
  for (const local of some(3)) put(local);
  mailboxes.reachable(bob, null);
  await clock.settle();
  settle('m1', 'unsuitable');
  await clock.settle();
  mailboxes.reachable(bob, 'node2');
  settle('m2');
  await clock.settle();
  t.same(turns, ['m1', 'm2', 'm1'], 'the new contact may take what the old one could not');
});

t.test('arrivals during a run are part of it', async (t) => {
  const { clock, turns, mailboxes, put, settle } = harness();
  put('m1');
  mailboxes.reachable(bob, null);
  await clock.settle();
  put('m2');
  mailboxes.arrived(bob, false);
  settle('m1');
  await clock.settle();
  t.same(turns, ['m1', 'm2']);
});

t.test('an arrival at any moment of the end of a run is not forgotten', async (t) => {
  for (let moment = 0; moment < 30; moment += 1) {
    const { clock, turns, mailboxes, put, settle } = harness();
    put('m1');
    mailboxes.reachable(bob, null);
    await clock.settle();
    settle('m1');
    for (let tick = 0; tick < moment; tick += 1) await Promise.resolve();
    const running = mailboxes.running === 1;
    put('m2');
    mailboxes.arrived(bob, false);
    await clock.settle();
    t.equal(turns.includes('m2'), running, `after ${moment} microtasks`);
  }
});

t.test('the answer may overtake the reply to the turn', async (t) => {
  const { world, clock, turns, mailboxes, put, settle } = harness();
  for (const local of some(3)) put(local);
  world.came = (local) => {
    settle(local);
    return 'sent';
  };
  mailboxes.reachable(bob, null);
  await clock.settle();
  t.same(turns, some(3));
  t.equal(mailboxes.running, 0);
});

t.test('what a user asks for comes first, and once', async (t) => {
  const { world, clock, turns, mailboxes, put, settle } = harness();
  for (const local of some(3)) put(local);
  const gone = new Set<string>();
  world.came = (local) => (gone.has(local) ? 'gone' : 'sent');
  mailboxes.reachable(bob, null);
  await clock.settle();
  mailboxes.requested(bob, null, ['m3']);
  for (const local of ['m1', 'm3', 'm2']) {
    gone.add(local);
    settle(local);
    await clock.settle();
  }
  t.same(turns, ['m1', 'm3', 'm2', 'm3']);
  t.equal(mailboxes.running, 0);
});

t.test('a window of users for each proxy; the next one has his turn when one ends', async (t) => {
  const { clock, turns, mailboxes, put, settle } = harness();
  const users = Array.from({ length: limits.deliveryWindow + 5 }, (_, at) => `sip:u${at}@x.org`);
  for (const aor of users) {
    put(`for ${aor}`, aor);
    mailboxes.reachable(aor, 'node1');
  }
  put('elsewhere', 'sip:v@x.org');
  mailboxes.reachable('sip:v@x.org', 'node2');
  await clock.settle();
  t.equal(turns.length, limits.deliveryWindow + 1);
  t.ok(turns.includes('elsewhere'), 'another proxy has its own window');
  for (const aor of users) {
    settle(`for ${aor}`, 'success', null, aor);
    await clock.settle();
  }
  t.equal(turns.length, users.length + 1);
  t.equal(mailboxes.running, 1);
});

t.test('random lives: every message has its turn, never two at once', async (t) => {
  for (let seed = 1; seed <= 60; seed += 1) {
    const random = seeded(seed);
    const { world, clock, turns, mailboxes, put, settle } = harness();
    const live = new Set<string>();
    let pending: string | null = null;
    let doubled = 0;
    world.came = (local) => {
      if (!live.has(local)) return 'gone';
      if (pending !== null) doubled += 1;
      pending = local;
      return 'sent';
    };
    let number = 0;
    const answer = (kind: 'success' | 'temporary') => {
      const local = pending;
      if (local === null) return;
      pending = null;
      if (kind === 'success') live.delete(local);
      settle(local, kind, kind === 'temporary' ? clock.now() + 60_000 : null);
    };
    for (let round = 0; round < 60; round += 1) {
      const dice = random();
      if (dice < 0.4) {
        number += 1;
        live.add(`m${number}`);
        put(`m${number}`);
        mailboxes.arrived(bob, false);
      } else if (dice < 0.6) mailboxes.reachable(bob, random() < 0.5 ? 'n1' : 'n2');
      else answer(random() < 0.8 ? 'success' : 'temporary');
      const ticks = Math.floor(random() * 12);
      for (let tick = 0; tick < ticks; tick += 1) await Promise.resolve();
      if (random() < 0.5) await breathe();
    }
    for (let round = 0; round < 200 && live.size > 0; round += 1) {
      answer('success');
      mailboxes.reachable(bob, 'n1');
      await clock.settle();
    }
    t.equal(live.size + doubled, 0, `seed ${seed}: ${live.size} left, ${doubled} doubled`);
    t.ok(turns.length >= number);
  }
});

t.test('a store that cannot be read ends it; after stop no turn is given', async (t) => {
  const first = harness();
  first.put('m1');
  first.store.failReads();
  first.mailboxes.reachable(bob, null);
  await first.clock.settle();
  t.match(first.failures, [{ code: 'LEVEL_IO_ERROR' }]);
  const second = harness();
  second.put('m1');
  second.mailboxes.retryAt(bob, 100);
  second.mailboxes.stop();
  second.mailboxes.reachable(bob, null);
  await second.clock.advance(1000);
  t.same(second.turns, []);
  t.equal(second.clock.waiting, 0);
});

t.test('spec 3.4 while a run lasts live messages are queued, and no longer', async (t) => {
  const { world, clock, queued, mailboxes, put, settle, turns } = harness();
  put('m1');
  mailboxes.reachable(bob, 'node1');
  await clock.settle();
  t.same(queued, [String(limits.queueMarkMs)]);
  await clock.advance(limits.queueRemarkMs);
  t.same(queued, Array(2).fill(String(limits.queueMarkMs)), 'said again while it lasts');
  put('m2');
  mailboxes.arrived(bob, true);
  settle('m1');
  await clock.settle();
  t.same(turns, ['m1', 'm2'], 'a queued message joins the run');
  settle('m2');
  await clock.settle();
  t.equal(queued.at(-1), '0', 'its end is told');
  await clock.advance(limits.queueRemarkMs);
  t.equal(queued.length, 3);
  put('m3');
  world.came = (local) => (local === 'm3' ? 'sent' : 'gone');
  mailboxes.arrived(bob, true);
  await clock.settle();
  t.same(turns, ['m1', 'm2', 'm1', 'm2', 'm3'], 'one that came too late begins a run of its own');
  settle('m3', 'temporary', clock.now() + 90_000);
  t.equal(queued.at(-1), '0', 'a pause holds no live message up');
  put('m4');
  mailboxes.arrived(bob, false);
  await clock.settle();
  t.equal(turns.length, 5, 'one that was not queued waits for the next try');
  mailboxes.nothingWaits(bob);
  t.equal(queued.at(-1), '0');
  const told = queued.length;
  mailboxes.reachable(bob, 'node1');
  mailboxes.nothingWaits(bob);
  t.equal(queued.length, told + 1, 'a run that is under way is not contradicted');
});

t.test(
  'what a user asks for before his registration is heard of is given when it is',
  async (t) => {
    for (const [waitMs, expected] of [
      [0, ['m2', 'm1']],
      [limits.requestKeepMs, []],
    ] as const) {
      const { world, clock, turns, askedFor, mailboxes, put, settle } = harness();
      for (const local of some(2)) put(local);
      let away = true;
      world.came = () => (away ? 'unreachable' : 'sent');
      mailboxes.requested(bob, null, ['m2', 'm1']);
      await clock.settle();
      t.same([turns.splice(0), askedFor.splice(0), mailboxes.running], [['m2'], ['m2'], 0]);
      await clock.advance(waitMs);
      away = false;
      mailboxes.reachable(bob, null);
      for (const _ of some(4)) {
        await clock.settle();
        settle(turns.at(-1)!);
      }
      t.same(askedFor, expected, `${waitMs} ms later`);
    }
  },
);

t.test('what an unreachable user asks for over and over is kept once, and lapses', async (t) => {
  const { world, clock, turns, askedFor, mailboxes } = harness();
  let away = true;
  world.came = () => (away ? 'unreachable' : 'gone');
  for (let round = 0; round < 50; round += 1) {
    mailboxes.requested(bob, null, some(50));
    await clock.settle();
  }
  away = false;
  turns.splice(0);
  mailboxes.reachable(bob, null);
  await clock.settle();
  t.same(turns, some(50), 'each once');
  away = true;
  askedFor.splice(0);
  mailboxes.requested(bob, null, ['m1']);
  await clock.settle();
  await clock.advance(limits.requestKeepMs / 2);
  mailboxes.requested(bob, null, ['m1', 'm2']);
  await clock.settle();
  await clock.advance(limits.requestKeepMs / 2);
  away = false;
  askedFor.splice(0);
  mailboxes.reachable(bob, null);
  await clock.settle();
  t.same(askedFor, ['m2'], 'asking again does not put it off');
});

t.test('no more is asked for than a mailbox holds: the newest', async (t) => {
  const { world, clock, askedFor, mailboxes, settle, put } = harness();
  put('m0');
  mailboxes.reachable(bob, null);
  await clock.settle();
  for (let from = 0; from < 300; from += 50)
    mailboxes.requested(bob, null, some(300).slice(from, from + 50));
  world.came = () => 'gone';
  settle('m0');
  await clock.settle();
  t.same(askedFor, some(300).slice(200));
});

t.test('what stood behind a push that failed is asked for at the next try as well', async (t) => {
  const { world, clock, turns, askedFor, mailboxes, put, settle } = harness();
  for (const local of some(5)) put(local);
  mailboxes.requested(bob, null, ['m5', 'm3', 'm2']);
  await clock.settle();
  settle('m5', 'temporary', 600_000);
  await clock.settle();
  t.same([turns.splice(0), mailboxes.running], [['m5'], 0]);
  askedFor.splice(0);
  await clock.advance(600_000);
  t.same(askedFor, ['m3']);
  mailboxes.requested(bob, null, ['m4']);
  settle('m3', 'temporary');
  mailboxes.unreachable(bob);
  await clock.advance(limits.requestKeepMs - 1);
  mailboxes.reachable(bob, null);
  await clock.settle();
  t.same(askedFor, ['m3', 'm2'], 'also when he was gone for a moment');
  world.came = () => 'unreachable';
  settle('m2');
  await clock.settle();
  t.same([askedFor.splice(0).at(-1), mailboxes.running], ['m4', 0]);
  world.came = () => 'gone';
  mailboxes.reachable(bob, null);
  await clock.settle();
  t.same(askedFor, ['m4'], 'it was not tried');
});
