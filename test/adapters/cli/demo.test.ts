// The demo is the end-to-end test: told on real SIP and told in process, both with every claim held, and afterwards
// nothing of it is left: no process, no port, no folder. Runs the command as a user does, in temporary folders.
import { type ChildProcess, spawn } from 'node:child_process';
import dgram from 'node:dgram';
import { chmodSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t, { type Test } from 'tap';
import { acts, runDemo } from '../../../adapters/cli/demo/main.js';
import type { Act } from '../../../adapters/cli/demo/scene.js';
import type { Stage } from '../../../adapters/cli/demo/stage.js';
import { tellStory } from '../../../adapters/cli/demo/story.js';
import { Teller } from '../../../adapters/cli/demo/teller.js';
import { missingTools } from '../../../adapters/cli/demo/tools.js';
import { parseSip } from '../../../adapters/cli/stage/sip-text.js';

const command = fileURLToPath(new URL('../../../adapters/cli/main.js', import.meta.url));
const claims = acts.reduce((sum, act) => sum + Object.keys(act.claims).length, 0);

interface Run {
  readonly child: ChildProcess;
  /** Its temporary folder: must be empty at the end. */
  readonly folder: string;
  readonly ended: Promise<number | null>;
  out: string;
  err: string;
}

async function start(args: readonly string[], more: NodeJS.ProcessEnv = {}): Promise<Run> {
  const folder = await mkdtemp(join(tmpdir(), 'demo-test-'));
  const env = { ...process.env, TMPDIR: folder, ...more };
  const child = spawn(process.execPath, [command, 'demo', ...args], { env });
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
  const run: Run = { child, folder, ended, out: '', err: '' };
  child.stdout.on('data', (chunk: Buffer) => {
    run.out += chunk.toString('utf8');
  });
  child.stderr.on('data', (chunk: Buffer) => {
    run.err += chunk.toString('utf8');
  });
  t.teardown(() => {
    child.kill('SIGKILL');
    rmSync(folder, { recursive: true, force: true });
  });
  return run;
}

/** Resolves when the demo has written this; fails with all it wrote when it ends before. */
async function written(run: Run, text: string): Promise<void> {
  for (let tries = 0; !run.out.includes(text); tries += 1) {
    if (tries > 1200 || run.child.exitCode !== null) throw new Error(run.out + run.err);
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
}

const lastLine = (text: string): string | undefined => text.trimEnd().split('\n').at(-1);

/** Processes that were started with this temporary folder, the demo itself and all below it. */
function processesOf(folder: string): readonly string[] {
  return readdirSync('/proc').filter((pid) => {
    try {
      return readFileSync(`/proc/${pid}/environ`, 'utf8').includes(folder);
    } catch {
      return false;
    }
  });
}

async function nothingLeft(t: Test, run: Run): Promise<void> {
  t.same(processesOf(run.folder), [], 'no process is left');
  t.same(readdirSync(run.folder), [], 'no folder is left');
  const ports = new Set([...run.out.matchAll(/127\.0\.0\.1:(\d+)/g)].map(([, port]) => port));
  for (const port of ports) t.ok(await isFreeSoon(Number(port)), `port ${port} is free again`);
}

/** Other tests of the suite may have taken the port meanwhile, and will give it back. */
async function isFreeSoon(port: number): Promise<boolean> {
  for (let tries = 0; tries < 100; tries += 1) {
    if (await isFree(port)) return true;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  return false;
}

async function isFree(port: number): Promise<boolean> {
  const udp = await new Promise<boolean>((resolve) => {
    const socket = dgram.createSocket('udp4');
    socket.once('error', () => resolve(false));
    socket.bind(port, '127.0.0.1', () => socket.close(() => resolve(true)));
  });
  const tcp = await new Promise<boolean>((resolve) => {
    const server = net.createServer();
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
  return udp && tcp;
}

t.test('the demo', { jobs: 4 }, async (t) => {
  // Side by side: most of a story is waiting.
  const real = await start(['--no-color']);
  const local = await start(['--in-process', '--json']);

  t.test('on real SIP every claim holds', { timeout: 110_000 }, async (t) => {
    const code = await real.ended;
    if (code !== 0) t.comment(real.out + real.err);
    t.equal(code, 0);
    t.equal(lastLine(real.out), `demo: ${claims} of ${claims} claims held`);
    t.equal(real.out.match(/^ {2}✓ /gm)?.length, claims);
    t.notMatch(real.out, '✗');
    t.match(real.out, /^ {2}Kamailio +127\.0\.0\.1:\d+/m, 'it was told with Kamailio');
    t.match(real.out, '<failed/>', 'the report is shown');
    t.match(real.out, /^ {4}\* delivered \(3\) final now$/m, 'the chart shows the way');
    t.notMatch(real.out, '\u001B', 'no colours');
    t.same(
      real.out.split('\n').filter((line) => [...line].length > 100),
      [],
      'at most 100 columns',
    );
    t.match(real.out, /folder removed/);
    await nothingLeft(t, real);
  });

  t.test('in process every claim holds', { timeout: 110_000 }, async (t) => {
    const code = await local.ended;
    if (code !== 0) t.comment(local.out + local.err);
    t.equal(code, 0);
    const told = JSON.parse(local.out) as {
      mode: string;
      held: number;
      of: number;
      claims: { held: boolean; why: string | null }[];
    };
    t.match(told, { mode: 'in-process', held: claims, of: claims });
    t.same(
      told.claims.filter(({ held, why }) => !held || why !== null),
      [],
    );
    t.equal(told.claims.length, claims);
    await nothingLeft(t, local);
  });

  t.test('Ctrl-C in the middle of an act leaves nothing behind', async (t) => {
    const run = await start([]);
    await written(run, 'Bob stays away');
    t.ok(processesOf(run.folder).length > 3, 'NATS, Kamailio, engine and the demo run');
    run.child.kill('SIGINT');
    t.equal(await run.ended, 130);
    t.match(run.err, 'interrupted');
    t.notMatch(run.out, /claims held/);
    await nothingLeft(t, run);
  });

  t.test('a reader that goes away leaves nothing behind', async (t) => {
    const run = await start(['--in-process']);
    await written(run, 'Bob stays away');
    run.child.stdout?.destroy();
    await run.ended;
    await nothingLeft(t, run);
  });

  t.test('without a usable Kamailio it says so and goes on in process', async (t) => {
    const tools = await mkdtemp(join(tmpdir(), 'demo-tools-'));
    t.teardown(() => rmSync(tools, { recursive: true, force: true }));
    fakeTool(tools, 'kamailio');
    const run = await start([], { PATH: `${tools}${delimiter}${process.env['PATH']}` });
    await written(run, 'Bob stays away');
    const said = 'Not installed: the module nats.so of kamailio, the module async.so of kamailio.';
    t.match(run.out, said);
    t.match(run.out, 'the library in process');
    run.child.kill('SIGTERM');
    t.equal(await run.ended, 130);
    await nothingLeft(t, run);
  });

  t.test('an engine that cannot start breaks every claim; --keep keeps its log', async (t) => {
    // A Unix socket has at most 107 octets of path: the engine cannot open its admin socket there.
    const deep = await mkdtemp(join(tmpdir(), `demo-test-${'x'.repeat(100)}`));
    t.teardown(() => rmSync(deep, { recursive: true, force: true }));
    const run = await start(['--in-process'], { TMPDIR: deep });
    t.equal(await run.ended, 1);
    t.equal(lastLine(run.out), `demo: 0 of ${claims} claims held`);
    t.match(run.err, 'demo: the engine');
    t.same(readdirSync(deep), []);
    const kept = await start(['--in-process', '--keep'], { TMPDIR: deep });
    t.equal(await kept.ended, 1);
    const [folder = ''] = readdirSync(deep);
    t.match(kept.out, `kept ${join(deep, folder)}`);
    t.ok(readdirSync(join(deep, folder)).includes('engine.log'));
  });
});

function fakeTool(folder: string, name: string): void {
  const file = join(folder, name);
  writeFileSync(file, '#!/bin/sh\nexit 255\n');
  chmodSync(file, 0o755);
}

t.test('tools that are missing are named', async (t) => {
  const folder = t.testdir();
  const path = process.env['PATH'];
  t.teardown(() => {
    process.env['PATH'] = path;
  });
  process.env['PATH'] = folder;
  t.same(missingTools(folder), ['nats-server', 'kamailio']);
});

t.test('an unknown flag is a usage error', async (t) => {
  const written: string[] = [];
  const { write } = process.stderr;
  t.teardown(() => {
    process.stderr.write = write;
  });
  process.stderr.write = (text: string | Uint8Array) => written.push(String(text)) > 0;
  t.equal(await runDemo(['--fast']), 64);
  process.stderr.write = write;
  t.match(written.join(''), /'--fast'[\s\S]*--in-process/);
});

/** A teller whose words can be read. */
function listen(color = false): { readonly teller: Teller; readonly told: () => string } {
  const words: string[] = [];
  const teller = new Teller({ write: (text) => words.push(text) }, color);
  return { teller, told: () => words.join('') };
}

const phone = () => ({ onMessage: () => 200, unregister: async () => ({ status: 200 }) });
const stage = { bob: phone(), alice: phone(), log: () => 'first\nlast words' } as unknown as Stage;

t.test('what an act did not show counts as broken, and the story goes on', async (t) => {
  const { teller, told } = listen();
  const story: readonly Act[] = [
    {
      title: 'breaks off',
      claims: { one: 'held', two: 'broken', three: 'not reached' },
      play: async (scene) => {
        scene.claim('one', [false]);
        scene.claim('two', [false, 'it is blue']);
        await scene.until('the green one', () => undefined, 30);
      },
    },
    { title: 'forgets its claim', claims: { four: 'forgotten' }, play: async () => undefined },
    { title: 'holds', claims: { five: 'held' }, play: async (scene) => scene.claim('five', []) },
  ];
  const { signal } = new AbortController();
  const verdicts = await tellStory(story, stage, teller, signal);
  t.same(verdicts, [
    { act: 1, claim: 'held', why: null },
    { act: 1, claim: 'broken', why: 'it is blue' },
    { act: 1, claim: 'not reached', why: 'the green one did not come within 0.03 s' },
    { act: 2, claim: 'forgotten', why: 'the act did not come to it' },
    { act: 3, claim: 'held', why: null },
  ]);
  t.match(told(), '✗ broken: it is blue\n');
  t.match(told(), 'last words', 'the log is shown');
  t.equal(told().match(/last words/g)?.length, 2, 'only where something broke');
});

t.test('an interrupted story ends with the act it is in', async (t) => {
  const abort = new AbortController();
  const never = 'waits in vain';
  const act: Act = {
    title: 'waits',
    claims: { one: never },
    play: async (scene) => {
      abort.abort();
      await scene.until('anything', () => undefined);
    },
  };
  const { teller, told } = listen();
  await t.rejects(tellStory([act, act], stage, teller, abort.signal), { name: 'Interrupted' });
  t.notMatch(told(), never);
});

t.test('text from the network cannot move the cursor or widen the page', async (t) => {
  const { teller, told } = listen();
  const long = 'x'.repeat(300);
  const text = `MESSAGE sip:a SIP/2.0\r\nFrom: \u001B[2J${long}\r\nVia: hidden\r\n\r\n${long}\u0007`;
  teller.sip('a → b', parseSip(Buffer.from(text)));
  teller.claim(`${'word '.repeat(60)}\u001B[31m`, 'why');
  t.notMatch(told(), /[\u0007\u001B]/);
  t.notMatch(told(), 'hidden');
  t.ok((told().match(/x/g) ?? []).length > 300, 'the body is folded, not cut');
  t.ok(
    told()
      .split('\n')
      .every((line) => [...line].length <= 100),
  );
});

t.test('colours are put on for a terminal, and taken off again', async (t) => {
  const { teller, told } = listen(true);
  teller.claim('it holds', null);
  t.equal(told(), '  \u001B[1;32m✓\u001B[0m it holds\n');
});
