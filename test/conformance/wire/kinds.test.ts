// A MESSAGE with any content goes through a real Kamailio into the engine and, when its recipient is back, to his phone:
// stored, listed and delivered octet for octet, each with the headers that say how to read it.
import t from 'tap';
import type { SipRequest } from '../../../adapters/cli/stage/sip-agent.js';
import { startChain } from '../../support/chain.js';
import { samplesOf } from '../../support/corpus.js';
import { messagesTo } from './letters.js';

const chain = await startChain();
t.teardown(() => chain.stop());

interface Kind {
  readonly name: string;
  readonly contentType: string | null;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

/** Body and Content-Type of a file of the corpus. */
function sample(name: string): Kind {
  const found = samplesOf('sip').find((one) => one.name === name);
  if (found === undefined) throw new TypeError(`no sample ${name}`);
  const end = found.octets.indexOf('\r\n\r\n') + 4;
  const head = found.octets.subarray(0, end).toString('latin1');
  const type = /^(?:Content-Type|c): (.+)\r$/im.exec(head)?.[1] ?? null;
  return { name, contentType: type, body: found.octets.subarray(end) };
}

const kinds: readonly Kind[] = [
  { name: 'plain', contentType: 'text/plain;charset=utf-8', body: Buffer.from('Grüße ☕') },
  { name: 'empty', contentType: null, body: Buffer.alloc(0) },
  ...['file-transfer', 'signed-inside-cpim', 'encrypted-inside-cpim'].map(sample),
  ...['multipart-with-cpim', 'multipart-nested', 'multipart-related', 'signed-around-cpim'].map(
    sample,
  ),
  ...['smime-enveloped', 'smime-signed-data', 'pgp-encrypted', 'torture-3.1.1.11-multipart'].map(
    sample,
  ),
  {
    name: 'compressed',
    contentType: 'message/cpim',
    headers: { 'Content-Encoding': 'gzip' },
    body: Buffer.from('1f8b08000000000000030300000000000000000000', 'hex'),
  },
  {
    name: 'an image with a disposition',
    contentType: 'image/png',
    headers: { 'Content-Disposition': 'attachment; filename="cat 1.png"', 'MIME-Version': '1.0' },
    body: Buffer.from('89504e470d0a1a0a0000000d49484452', 'hex'),
  },
  {
    name: 'every octet there is, many times',
    contentType: 'application/octet-stream',
    body: Buffer.from(Array.from({ length: 20_000 }, (_, at) => (at * 7) % 256)),
  },
];

const shownOf = (request: SipRequest) => ({
  type: request.header('Content-Type') ?? null,
  encoding: request.header('Content-Encoding') ?? null,
  disposition: request.header('Content-Disposition') ?? null,
  version: request.header('MIME-Version') ?? null,
});

const sentOf = ({ contentType, headers = {} }: Kind) => ({
  type: contentType,
  encoding: headers['Content-Encoding'] ?? null,
  disposition: headers['Content-Disposition'] ?? null,
  version: headers['MIME-Version'] ?? null,
});

t.test(
  'C02 C83 C84 every kind of content is stored, listed and delivered as it came',
  async (t) => {
    const [alice, bob] = [await chain.alice({ transport: 'tcp' }), await chain.bob()];
    for (const { name, contentType, headers = {}, body } of kinds) {
      const answer = await alice.message({ to: bob.uri, contentType, headers, body });
      t.equal(answer.status, 202, `${name}: ${answer.reason}`);
    }
    const listed = (await chain.mailbox(bob)) as readonly { readonly octets: number }[];
    t.same(
      listed.map((one) => one.octets),
      kinds.map((kind) => kind.body.length),
      'listed, oldest first, each with its size',
    );
    await bob.register();
    await chain.waitUntil('all of them', () => messagesTo(bob).length === kinds.length);
    for (const [at, request] of messagesTo(bob).entries()) {
      const kind = kinds[at]!;
      t.ok(request.body.equals(kind.body), `${kind.name}: ${request.body.length} octets`);
      t.same(shownOf(request), sentOf(kind), kind.name);
    }
    t.same(await chain.mailbox(bob), []);
  },
);
