// What goes out: send lines, the choice of a proxy, the beat.
import t from 'tap';
import {
  createPublisher,
  natsLimits,
  type Publisher,
  type SipCodec,
  sendLine,
  subjects,
} from '../../../adapters/nats/index.js';
import { limits, type OutgoingEffect } from '../../../runtime/index.js';
import { fakeCodec, manualClock, memoryBus, parts } from './fakes.js';

const token = 'a'.repeat(26);

function effect(changes: Partial<OutgoingEffect> = {}): OutgoingEffect {
  return {
    type: 'deliver',
    effectId: 'd-abcdefghij-1',
    token,
    node: null,
    ...changes,
  } as OutgoingEffect;
}

function world(codec: Partial<SipCodec> = {}) {
  const bus = memoryBus();
  const clock = manualClock();
  const answered: [string, string, number][] = [];
  const failures: string[] = [];
  let canStore = true;
  const publisher: Publisher = createPublisher(bus, fakeCodec(codec), {
    clock,
    storeId: () => 'store-1',
    canStore: () => canStore,
    answered: (...outcome) => answered.push(outcome),
    onFailure: (where) => failures.push(where),
  });
  const setStore = (value: boolean) => {
    canStore = value;
  };
  return { bus, clock, publisher, answered, failures, setStore };
}

const nodesOf = (texts: string[]) => texts.map((text) => text.split(' ')[1]);

t.test('ready means: the bus is ready and a proxy is heard', async (t) => {
  const w = world();
  let told = 0;
  w.publisher.onReady(() => {
    told += 1;
  });
  t.equal(w.publisher.ready(), false);
  w.publisher.heard('k1');
  t.equal(w.publisher.ready(), true);
  t.equal(told, 1);
  w.bus.setReady(false);
  t.equal(w.publisher.ready(), false);
  w.bus.setReady(true);
  t.equal(told, 2);
});

t.test('an effect becomes one send line with its lengths', async (t) => {
  const w = world();
  w.publisher.heard('k1');
  w.publisher.send(effect());
  const read = sendLine.parse(Buffer.from(w.bus.on(subjects.send)[0]!));
  t.match(read, {
    ok: true,
    value: {
      node: 'k1',
      effectId: 'd-abcdefghij-1',
      token,
      ruri: parts.ruri,
      headersBytes: 13,
      bodyBytes: 5,
    },
  });
});

t.test('C2 the same effect again is the same line again', async (t) => {
  const w = world();
  w.publisher.heard('k1');
  w.publisher.send(effect());
  w.publisher.send(effect());
  const [first, second] = w.bus.on(subjects.send);
  t.equal(first, second);
});

/** Effects go out as named; the proxies they went through. */
function through(w: ReturnType<typeof world>, ...wanted: (string | null)[]): string[] {
  const before = w.bus.on(subjects.send).length;
  for (const node of wanted) w.publisher.send(effect({ node }));
  return nodesOf(w.bus.on(subjects.send).slice(before)) as string[];
}

/** `count` beats go out, each answered by these proxies. */
function beats(w: ReturnType<typeof world>, count: number, ...nodes: string[]): void {
  w.publisher.start();
  for (let i = 0; i < count; i += 1) {
    w.clock.advance(natsLimits.beatEveryMs);
    for (const node of nodes) w.publisher.heard(node);
  }
}

const { silentBeatsMax, keptBeatsMax } = natsLimits;

t.test('the proxy asked for is taken, else the latest heard', async (t) => {
  const w = world();
  t.strictSame(through(w, null), [], 'nobody to send through');
  beats(w, silentBeatsMax, 'k1', 'k2');
  t.strictSame(through(w, null, 'k1', 'k2', 'k9'), ['k2', 'k1', 'k2', 'k2']);
  t.strictSame(w.publisher.liveNodes(), ['k2', 'k1']);
});

t.test('a proxy is silent after ten beats, and passed over when others answer', async (t) => {
  const w = world();
  beats(w, 1, 'k1', 'k2');
  t.strictSame(through(w, null), ['k2']);
  beats(w, silentBeatsMax, 'k1');
  t.strictSame(through(w, null), ['k2'], 'ten beats may be lost');
  t.strictSame(w.publisher.liveNodes(), ['k1', 'k2']);
  beats(w, 1, 'k1');
  t.strictSame(through(w, null), ['k1']);
  t.strictSame(w.publisher.liveNodes(), ['k1']);
});

t.test('a named proxy that is busy keeps its effects for sixty beats', async (t) => {
  const w = world();
  beats(w, 1, 'k1', 'k2');
  beats(w, keptBeatsMax, 'k1');
  t.strictSame(through(w, 'k2'), ['k2']);
  beats(w, 1, 'k1');
  t.strictSame(through(w, 'k2'), ['k1'], 'then it is gone');
  w.publisher.heard('k2');
  t.strictSame(through(w, 'k2'), ['k2'], 'until it speaks again');
  t.ok(
    natsLimits.keptBeatsMax * natsLimits.beatEveryMs > limits.effectPatienceMs,
    'an effect does not change its proxy while it is repeated',
  );
});

t.test('C2 a repetition goes to the same proxy, whoever spoke last', async (t) => {
  const w = world();
  beats(w, 1, 'k1', 'k2');
  t.strictSame(through(w, null), ['k2']);
  w.publisher.heard('k1');
  t.strictSame(through(w, null, 'gone-k3'), ['k2', 'gone-k3']);
  beats(w, silentBeatsMax, 'k2', 'k1');
  t.strictSame(through(w, null, 'gone-k3'), ['k2', 'k2']);
});

t.test('C33 after a start a named proxy has ten beats to speak before another acts', async (t) => {
  const w = world();
  // The first beat goes out at the start itself.
  beats(w, silentBeatsMax - 1, 'k1');
  t.strictSame(through(w, 'k2'), ['k2'], 'it may know the effect');
  beats(w, 1, 'k1');
  t.strictSame(through(w, 'k2'), ['k1']);
});

t.test('with nobody alive nothing is ready; the first word wakes', async (t) => {
  const w = world();
  let told = 0;
  w.publisher.onReady(() => {
    told += 1;
  });
  beats(w, 1, 'k1');
  beats(w, silentBeatsMax);
  t.equal(w.publisher.ready(), true, 'ten beats may be lost');
  w.publisher.heard('k1');
  t.equal(told, 1, 'told once');
  beats(w, silentBeatsMax + 1);
  t.equal(w.publisher.ready(), false);
  t.strictSame(through(w, null, 'k2'), ['k1', 'k2'], 'who sends nevertheless tries');
  w.publisher.heard('k1');
  t.equal(w.publisher.ready(), true);
  t.equal(told, 2);
});

t.test('without beats nobody grows silent', async (t) => {
  const w = world();
  beats(w, 1, 'k1');
  w.setStore(false);
  w.clock.advance(3_600_000);
  t.equal(w.publisher.ready(), true, 'we did not ask');
  w.setStore(true);
  w.bus.setReady(false);
  w.clock.advance(3_600_000);
  w.bus.setReady(true);
  t.equal(w.publisher.ready(), true, 'nor could it hear us');
  t.strictSame(w.publisher.liveNodes(), ['k1']);
});

t.test('proxies remembered are bounded', async (t) => {
  const w = world();
  for (let i = 0; i < natsLimits.nodesMax + 10; i += 1) w.publisher.heard(`n${i}`);
  t.equal(w.publisher.liveNodes().length, natsLimits.nodesMax);
});

t.test('what can never be sent is answered 513 at once', async (t) => {
  const thrower = () => {
    throw new Error('bug');
  };
  const cases: Partial<SipCodec>[] = [
    { deliverRequest: thrower },
    { deliverRequest: () => ({ ...parts, body: Buffer.alloc(natsLimits.bodyBytesMax + 1) }) },
    { deliverRequest: () => ({ ...parts, headers: 'x'.repeat(natsLimits.headerBytesMax + 1) }) },
    { deliverRequest: () => ({ ...parts, ruri: 'sip:bob@example.org\r\nX: 1' }) },
  ];
  for (const codec of cases) {
    const w = world(codec);
    w.publisher.heard('k1');
    w.publisher.send(effect());
    t.strictSame(w.answered, [['d-abcdefghij-1', token, 513]]);
    t.strictSame(w.bus.published, []);
  }
});

t.test('the largest body and header block fit', async (t) => {
  const largest = {
    ...parts,
    headers: 'x'.repeat(natsLimits.headerBytesMax),
    body: Buffer.alloc(natsLimits.bodyBytesMax, 255),
    fromName: '"'.repeat(natsLimits.identityBytesMax),
  };
  const w = world({ reportRequest: () => largest });
  w.publisher.heard('k1');
  w.publisher.send(effect({ type: 'report', effectId: 'r-abcdefghij-1' }));
  const text = w.bus.on(subjects.send)[0]!;
  t.ok(text.length <= natsLimits.lineBytesMax);
  t.ok(sendLine.parse(Buffer.from(text)).ok);
});

t.test('the beat goes out each second while the store takes messages', async (t) => {
  const w = world();
  w.publisher.start();
  w.publisher.start();
  w.clock.advance(2_000);
  t.strictSame(w.bus.on(subjects.beat), ['v1 store-1 0', 'v1 store-1 1', 'v1 store-1 2']);
  w.setStore(false);
  w.clock.advance(5_000);
  t.equal(w.bus.on(subjects.beat).length, 3);
  w.setStore(true);
  w.clock.advance(1_000);
  t.equal(w.bus.on(subjects.beat).at(-1), 'v1 store-1 3');
  w.publisher.stop();
  w.clock.advance(5_000);
  t.equal(w.bus.on(subjects.beat).length, 4);
});
