// Calls for people who are offline, over a real MSRP connection with a store that answers when it is told to: what is asked
// of the store, and what of a session is kept whichever of its ends comes first.
import t, { type Test } from 'tap';
import { MsrpHub } from '../../../adapters/msrp/hub.js';
import { Intake } from '../../../adapters/msrp/intake.js';
import { msrpLimits } from '../../../adapters/msrp/limits.js';
import type { LargeCodec } from '../../../adapters/msrp/ports.js';
import type { HeaderLine, IncomingMessage } from '../../../machines/index.js';
import {
  type CallEnd,
  type Command,
  hostClock,
  hostEntropy,
  type Reply,
  type WaitingCall,
} from '../../../runtime/index.js';
import { MsrpPeer, messageSdp, pathIn } from '../../support/msrp-peer.js';
import { SimulatedClock } from '../../support/world.js';

/** A caller with a message to bring, and a store that says when it is stored. */
async function intakeUnderTest(
  t: Pick<Test, 'teardown'>,
  queued = false,
  read: ReturnType<LargeCodec['readLarge']> = { ok: true, message: {} as IncomingMessage },
) {
  const clock = new SimulatedClock(0);
  const said: (readonly HeaderLine[])[] = [];
  const entropy = hostEntropy;
  const place = { address: '127.0.0.1', port: 0, host: '127.0.0.1' };
  const hub = await MsrpHub.listen({ ...place, clock: hostClock, entropy });
  const commands: Command[] = [];
  const asked: unknown[] = [];
  let store: (reply: Reply) => void = () => {};
  const intake = new Intake({
    ...{ hub, clock, octetsMax: 10_000 },
    codec: {
      readInvite: () => ({ ok: true, aor: 'b', sender: 'a', asserted: 'a', anonymous: false }),
      readLarge: () => read,
      largeRequest: () => {
        throw new TypeError('nothing goes out');
      },
      formatSipDate: String,
    },
    runtime: {
      refusal: (summoned) => {
        asked.push(summoned);
        return null;
      },
      submit: (command) => {
        commands.push(command);
        if (command.type !== 'message.received') return Promise.resolve({ kind: 'done' });
        return new Promise((resolve) => {
          store = resolve;
        });
      },
    },
    onFailure: (_where, cause) => {
      throw cause;
    },
  });
  const path = MsrpPeer.newPath(9);
  let sdp = '';
  let end: (end: CallEnd) => void = () => {};
  const call: WaitingCall = {
    ...{ octets: Buffer.from(''), body: Buffer.from(messageSdp(path)), asserted: '-', queued },
    accept: (answer) => {
      sdp = answer;
      return [];
    },
    refuse: () => {},
    onEnd: (run) => {
      end = run;
    },
    hangUp: (lines = []) => void said.push(lines),
  };
  intake.heard(call);
  const peer = await MsrpPeer.connect(path, pathIn(sdp));
  t.teardown(async () => {
    peer.close();
    await intake.close();
    await hub.close();
  });
  const bye = (lines: readonly HeaderLine[]) => end({ bye: lines });
  return { hub, clock, said, commands, asked, peer, bye, stored: (reply: Reply) => store(reply) };
}

const until = async (is: () => boolean): Promise<void> => {
  while (!is()) await new Promise(setImmediate);
};

const accepted = { kind: 'accepted', deferredId: 'id@host', duplicate: false } as const;
const reason: HeaderLine = ['Reason', 'SIP;cause=200'];

t.test('S2 9.3.2.4 a BYE that is quicker than the disk is kept with its message', async (t) => {
  const { hub, commands, peer, bye, stored } = await intakeUnderTest(t);
  peer.send({ messageId: 'm1m1', range: '1-2/2', body: 'hi' });
  await until(() => commands.length === 1);
  bye([reason]);
  t.equal(hub.counters.events.aborted, 0, 'nobody knows yet');
  stored(accepted);
  const ended = () => commands.find((one) => one.type === 'session.ended');
  await until(() => ended() !== undefined);
  t.match(ended(), { deferredId: 'id@host', bye: [reason] });
  t.match(hub.counters.events, { taken: 1, stored: 1, aborted: 0 });
});

t.test(
  'C09 a session that is ended while its message is refused has brought nothing',
  async (t) => {
    const { hub, commands, peer, bye, stored } = await intakeUnderTest(t);
    peer.send({ messageId: 'm1m1', range: '1-2/2', body: 'hi' });
    await until(() => commands.length === 1);
    bye([reason]);
    stored({
      kind: 'refused',
      ...{ status: 480, code: 'mailbox-full', reason: 'full', retryAfterSeconds: null },
    });
    await until(() => hub.counters.events.aborted === 1);
    t.same(
      commands.map(({ type }) => type),
      ['message.received'],
    );
  },
);

t.test('spec 3.4 what a session brings behind a backlog is asked and stored as such', async (t) => {
  for (const queued of [true, false]) {
    const { asked, commands, peer, stored } = await intakeUnderTest(t, queued);
    t.match(asked, [{ aor: 'b', queued }]);
    peer.send({ messageId: 'm1m1', range: '1-2/2', body: 'hi' });
    await until(() => commands.length === 1);
    t.match(commands, [{ type: 'message.received', queued }]);
    stored(accepted);
  }
});

t.test('what cannot be read is refused, and the BYE says why', async (t) => {
  const refused = { ok: false, status: 415, code: 'content', reason: 'Not "That"' } as const;
  const { clock, commands, peer, said } = await intakeUnderTest(t, false, refused);
  const id = peer.send({ messageId: 'm1m1', range: '1-5/5', body: 'Lunch' });
  await until(() => peer.answerTo(id) !== null);
  t.match(peer.answerTo(id), '415');
  t.same(commands, []);
  await clock.advance(msrpLimits.byeMsMax);
  t.same(said[0], [['Reason', `SIP;cause=415;text="Not 'That'"`]]);
});
