// The UDP socket of the leg: where it is, what is still sent when it closes, and an address that cannot be had.

import dgram from 'node:dgram';
import { once } from 'node:events';
import t from 'tap';
import { openLink } from '../../../../adapters/sip/leg/link.js';

const place = { address: '127.0.0.1', port: 0 };

t.test('what was said before it closed still goes out; afterwards nothing does', async (t) => {
  const socket = dgram.createSocket('udp4');
  t.teardown(() => socket.close());
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  const heard: string[] = [];
  socket.on('message', (octets) => heard.push(octets.toString()));
  const to = { address: '127.0.0.1', port: socket.address().port };
  const link = await openLink(place, () => undefined);
  t.ok(link.place.port > 0);
  for (const word of ['one', 'two', 'three']) link.send(Buffer.from(word), to);
  const closed = link.close();
  link.send(Buffer.from('four'), to);
  await closed;
  await link.close();
  link.send(Buffer.from('five'), to);
  while (heard.length < 3) await once(socket, 'message');
  t.strictSame(heard, ['one', 'two', 'three']);
});

t.test('datagrams come with where they came from; a port that is taken is refused', async (t) => {
  const got = new Promise<string>((resolve) => {
    void openLink(place, (octets, from) => resolve(`${octets} ${from.address}`)).then(
      async (link) => {
        t.teardown(() => link.close());
        await t.rejects(
          openLink(link.place, () => undefined),
          { code: 'EADDRINUSE' },
        );
        const other = await openLink(place, () => undefined);
        t.teardown(() => other.close());
        other.send(Buffer.from('hello'), link.place);
      },
    );
  });
  t.equal(await got, 'hello 127.0.0.1');
});
