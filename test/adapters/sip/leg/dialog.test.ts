// Dialogs of RFC 3261 section 12, made by either side's answer: names, routes, and the numbers of requests.
import t from 'tap';
import {
  answeringDialog,
  calledDialog,
  requestLines as ownLines,
  takeNumber,
} from '../../../../adapters/sip/leg/dialog.js';
import { type HeardRequest, type HeardResponse, hear } from '../../../../adapters/sip/leg/wire.js';
import { requestLines } from '../../../support/scripted-sip.js';

const proxy = { address: '127.0.0.1', port: 5060 };
const recorded = ['Record-Route: <sip:p1;lr>, <sip:p2;lr>'];
const octetsOf = (lines: readonly string[]) =>
  Buffer.from([...lines, 'Content-Length: 0', '', ''].join('\r\n'));
const asked = (headers: readonly string[]) => requestLines(proxy, 'INVITE', { cseq: 7, headers });
const contact = 'Contact: <sip:phone@192.0.2.7>';

t.test('section 12.1.1 the dialog of an answer of ours', async (t) => {
  const invite = hear(octetsOf(asked([contact, ...recorded]))) as HeardRequest;
  const dialog = answeringDialog(invite, 'ours', proxy)!;
  t.match(dialog, { localTag: 'ours', remoteTag: 'alice', remoteTarget: 'sip:phone@192.0.2.7' });
  t.strictSame(ownLines(dialog, 'BYE', 1).slice(1), [
    ['Route', '<sip:p1;lr>'],
    ['Route', '<sip:p2;lr>'],
    ['From', '<sip:bob@example.org>;tag=ours'],
    ['To', '"Alice" <sip:alice@example.org>;tag=alice'],
    ['Call-ID', 'call-1'],
    ['CSeq', '1 BYE'],
  ]);
  t.equal(answeringDialog(hear(octetsOf(asked([]))) as HeardRequest, 'ours', proxy), null);
});

t.test('section 12.1.2 the dialog of an answer to us: its routes are turned round', async (t) => {
  const lines = ['SIP/2.0 200 OK', ...asked([contact, ...recorded]).slice(1)];
  const answer = hear(octetsOf(lines)) as HeardResponse;
  const dialog = calledDialog(answer, proxy)!;
  t.strictSame(dialog.routes, ['<sip:p2;lr>', '<sip:p1;lr>']);
  t.match(dialog, { localTag: 'alice', localSeq: 7, remoteSeq: null });
});

t.test('section 12.2.2 the numbers of the peer rise', async (t) => {
  const dialog = answeringDialog(hear(octetsOf(asked([contact]))) as HeardRequest, 'ours', proxy)!;
  t.strictSame(
    [7, 6, 8, 8, 20, 9].map((cseq) => takeNumber(dialog, cseq)),
    [...[false, false, true, false, true, false]],
  );
});
