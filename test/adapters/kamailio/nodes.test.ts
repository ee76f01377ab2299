// Two proxies on one bus with the same include file: each answers its own.
import t from 'tap';
import { openStage, pause } from './fake-engine.js';

t.test('two nodes', async (t) => {
  const stage = await openStage({ holdMs: 1500 }, ['east', 'west-2']);
  t.teardown(() => stage.close());
  const { engine, proxies } = stage;
  const senders = await Promise.all(
    proxies.map((proxy) => stage.phone('alice', { proxyPort: proxy.port })),
  );

  await t.test('answers reach the node that holds the transaction', async (t) => {
    const answers = await Promise.all(
      Array.from({ length: 40 }, (_, at) =>
        senders[at % 2]!.message({ to: 'sip:bob@example.org', body: `m${at}` }),
      ),
    );
    t.same(new Set(answers.map((answer) => answer.status)), new Set([202]));
    const count = (node: string): number =>
      engine.of('store').filter((line) => line.fields[1] === node).length;
    t.same([count('east'), count('west-2')], [20, 20]);
    t.same(engine.of('late'), []);
  });

  await t.test('each node answers each beat by its name', async (t) => {
    engine.silence();
    await pause(300);
    engine.alive.length = 0;
    for (let count = 1; count <= 5; count += 1) {
      engine.beatOnce();
      engine.beatOnce('v2 teststore 1');
      await pause(100);
      t.equal(engine.alive.length, 2 * count, 'one line for each node');
    }
    // With large messages on, the line goes on to say where the leg reaches this proxy.
    const names = engine.alive.map((line) => line.split(' ').slice(0, 2).join(' '));
    t.same(
      names.toSorted(),
      Array.from({ length: 10 }, (_, at) => (at < 5 ? 'v1 east' : 'v1 west-2')),
    );
    const inner = engine.alive.map((line) => line.split(' ')[2]);
    t.equal(new Set(inner).size, 2, 'each its own inner port');
    for (const place of inner) t.match(place, /^127\.0\.0\.1:\d+$/);
    engine.beat();
  });

  await t.test('an effect is sent by its node alone', async (t) => {
    const bob = await stage.phone('bob', { proxyPort: proxies[1]!.port });
    await bob.register();
    engine.send({ id: 'd-wrongnodeid-1', node: 'east', ruri: 'sip:bob@example.org', body: 'x' });
    t.equal(await engine.outcome('d-wrongnodeid-1'), '480 lookup', 'east does not know him');
    engine.send({ id: 'd-rightnodeid-1', node: 'west-2', ruri: 'sip:bob@example.org', body: 'x' });
    t.equal(await engine.outcome('d-rightnodeid-1'), '200 reply');
    engine.send({ id: 'd-nonodeatall-1', node: 'north', ruri: 'sip:bob@example.org', body: 'x' });
    await pause(300);
    t.equal(bob.received.length, 1);
    t.equal(engine.of('outcome').length, 2);
  });
});
