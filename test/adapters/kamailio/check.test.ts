// What the check of an operator's file finds, one fault at a time.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { checkKamailioConfig, checkKamailioFile } from '../../../adapters/kamailio/check.js';
import { processorMs } from '../../support/processor-time.js';

const proxyFile = fileURLToPath(new URL('../../../adapters/kamailio/proxy.cfg', import.meta.url));
const good = readFileSync(proxyFile, 'utf8');
const codes = (text: string): string[] =>
  checkKamailioConfig(text).map(({ code, message }) => `${code} ${message}`);

t.test('the shipped proxy has no finding', async (t) => {
  t.same(checkKamailioConfig(good), []);
  t.same(checkKamailioFile(proxyFile), []);
});

t.test('each thing that is missing is named', async (t) => {
  const table: readonly (readonly [remove: string, by: string, finding: RegExp])[] = [
    ['include_file "deferred-im.cfg"', '', /^KAMAILIO_INCLUDE /],
    ['loadmodule "async.so"', '# loadmodule "async.so"', /^KAMAILIO_MODULE .*async\.so/],
    ['loadmodule "textopsx.so"', '', /^KAMAILIO_MODULE .*textopsx\.so/],
    [
      'loadmodule "nats.so"\nloadmodule "tm.so"',
      'loadmodule "tm.so"\nloadmodule "nats.so"',
      /^KAMAILIO_ORDER .*first/,
    ],
    ['async_workers=2', '/* async_workers=2 */', /^KAMAILIO_PARAMETER async_workers/],
    ['pv_buffer_size=131072', 'pv_buffer_size=8192', /^KAMAILIO_PARAMETER pv_buffer_size/],
    ['tcp_rd_buf_size=131072', '', /^KAMAILIO_PARAMETER tcp_rd_buf_size/],
    ['udp_mtu=1300', '', /^KAMAILIO_PARAMETER udp_mtu/],
    ['#!substdef "!DEFERRED_IM_NODE!n1!g"', '', /^KAMAILIO_DEFINE .*DEFERRED_IM_NODE/],
    ['!DEFERRED_IM_NODE!n1!', '!DEFERRED_IM_NODE!n.1!', /^KAMAILIO_DEFINE .*1 to 32/],
    ['listen=udp:127.0.0.1:DEFERRED_IM_INNER_PORT', '', /^KAMAILIO_LISTEN /],
    ['    route(DEFERRED_IM_INNER);', '', /^KAMAILIO_ROUTE .*DEFERRED_IM_INNER/],
    ['    route(DEFERRED_IM_REGISTERED);', '', /^KAMAILIO_ROUTE .*DEFERRED_IM_REGISTERED/],
    ['    route(DEFERRED_IM_CLEAN);', '', /^KAMAILIO_ROUTE .*DEFERRED_IM_CLEAN/],
    ['loadmodule "rr.so"', '', /^KAMAILIO_MODULE .*rr\.so/],
    ['route[DEFERRED_IM_SERVED]', 'route[OTHER]', /^KAMAILIO_ROUTE .*DEFERRED_IM_SERVED/],
    [
      'route[ALIVE]',
      'event_route[usrloc:contact-expired] {}\nroute[ALIVE]',
      /^KAMAILIO_ROUTE .*twice/,
    ],
  ];
  for (const [remove, by, finding] of table) {
    t.ok(good.includes(remove), `the shipped proxy has ${remove}`);
    const found = codes(good.replace(remove, by));
    t.equal(found.length, 1, `${remove}: ${found.join('; ')}`);
    t.match(found[0], finding);
  }
});

t.test('large messages need more, and only where they are on', async (t) => {
  const none = good.replace('loadmodule "rr.so"', '').replaceAll('route(DEFERRED_IM_SESSION)', '');
  t.match(codes(none), [/^KAMAILIO_MODULE .*rr/, /^KAMAILIO_ROUTE .*DEFERRED_IM_SESSION/]);
  t.same(codes(none.replace('#!define DEFERRED_IM_LARGE', '')), []);
});

t.test('a module after the include line is named with its line', async (t) => {
  const found = checkKamailioConfig(
    `${good.replace('loadmodule "async.so"', '')}\nloadmodule "async.so"\n`,
  );
  t.equal(found.length, 1);
  t.equal(found[0]!.code, 'KAMAILIO_ORDER');
  t.equal(found[0]!.line, good.split('\n').length + 1);
});

t.test('files: included ones are read, a missing one is a finding, a circle ends', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'deferred-im-check-'));
  t.teardown(() => rmSync(folder, { recursive: true }));
  const main = join(folder, 'main.cfg');
  writeFileSync(join(folder, 'rest.cfg'), `${good}\ninclude_file "main.cfg"\n`);
  writeFileSync(main, 'include_file "rest.cfg"\n');
  t.same(checkKamailioFile(main), []);
  t.equal(checkKamailioFile(join(folder, 'none.cfg'))[0]!.code, 'KAMAILIO_FILE');
  t.equal(checkKamailioFile(folder)[0]!.code, 'KAMAILIO_FILE');
});

t.test('any text gives findings, in time that grows with its size', async (t) => {
  t.equal(checkKamailioConfig('').length, 29);
  for (const text of ['"', "'", '/*', '#!substdef', '#!define', 'listen', 'listen=', '\\', '"\\']) {
    t.ok(checkKamailioConfig(text).length > 20, text);
  }
  const tookMs = processorMs(() => {
    checkKamailioConfig('a=1;"b"('.repeat(100_000));
    checkKamailioConfig('/*'.repeat(400_000));
  });
  t.ok(tookMs < 2000, `${tookMs} ms`);
});
