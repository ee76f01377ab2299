// Audit events on a real nats-server: a JetStream stream that keeps them, a program that answers, and all the ways in which
// nobody has them. Every event fits the schema of the contract.
import t from 'tap';
import {
  connectBus,
  createAuditPort,
  inboxPrefix,
  subjects,
} from '../../../adapters/nats/index.js';
import { schemaFindings } from '../../../adapters/nats/schemas.js';
import type { AuditEvent } from '../../../runtime/index.js';
import { EngineUnderTest } from '../../support/engine.js';
import { incoming, received } from '../../support/messages.js';
import { client, startServer } from './nats-server.js';

const heard: AuditEvent[] = [];
const test = await EngineUnderTest.open({
  audits: {
    ready: () => true,
    publish: async (event) => {
      heard.push(event);
      return true;
    },
  },
});
await test.accept(received(incoming({ chargingId: 'icid-1', anonymous: true })));
const deferredId = heard[0]?.deferredId as string;
await test.register();
await test.answer(test.effects.last, 200);
await test.submit({ type: 'operator.acted', deferredId, act: 'delete', by: 'carol' });
const [first, , last] = heard as [AuditEvent, AuditEvent, AuditEvent];

t.test('what the engine tells fits the schema of the contract', async (t) => {
  t.equal(heard.length, 3);
  for (const event of heard) t.same(schemaFindings('event', event), [], event.reason);
  t.not(schemaFindings('event', { ...first, body: 'x' }).length, 0, 'and nothing else does');
});

t.test('on the bus', async (t) => {
  const server = await startServer('jetstream {\n  max_mem: 8MB\n  max_file: 8MB\n}\n');
  t.teardown(() => server.stop());
  const bus = await connectBus({
    servers: [server.url],
    inboxPrefix: inboxPrefix('engine'),
    name: 'test',
  });
  t.teardown(() => bus.close());
  const port = createAuditPort(bus);
  const other = await client(server.url);
  t.teardown(() => other.close());

  t.test('nobody listens: nobody has it', async (t) => {
    t.equal(port.ready(), true);
    t.equal(await port.publish(first), false);
  });

  t.test('a program that answers has it, with the id in the header', async (t) => {
    let said = 'ok';
    const ids: (string | undefined)[] = [];
    const sub = other.subscribe(subjects.event, {
      callback: (_error, message) => {
        ids.push(message.headers?.get('Nats-Msg-Id'));
        t.same(message.json(), first);
        message.respond(said);
      },
    });
    await other.flush();
    t.equal(await port.publish(first), true);
    said = '';
    t.equal(await port.publish(first), true, 'whatever it says');
    said = '{"error":{"code":503}}';
    t.equal(await port.publish(first), false, 'but that it could not keep it');
    t.same(ids, [first.eventId, first.eventId, first.eventId]);
    sub.unsubscribe();
    await other.flush();
  });

  t.test('a stream keeps it once, however often it is told', async (t) => {
    const ask = async (api: string, body: object): Promise<Record<string, unknown>> =>
      (await other.request(`$JS.API.${api}`, JSON.stringify(body))).json();
    const stream = { name: 'AUDIT', subjects: [subjects.event], storage: 'memory', max_msgs: 2 };
    await ask('STREAM.CREATE.AUDIT', { ...stream, discard: 'new' });
    for (const event of [first, first, last]) t.equal(await port.publish(event), true);
    t.match(await ask('STREAM.INFO.AUDIT', {}), { state: { messages: 2 } });
    const more = { ...last, eventId: `${last.eventId}0` };
    t.equal(await port.publish(more), false, 'a full stream has nothing');
  });

  t.test('without a server nobody has it', async (t) => {
    await server.kill();
    t.equal(await port.publish(first), false);
    t.equal(port.ready(), false);
  });
});
