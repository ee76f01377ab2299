// The admin socket: `<folder>/admin.sock`, mode 0600, one JSON object a line in each direction. Who
// may open the socket may do everything: the file system is the access control (reliability S4).
import { chmodSync, rmSync } from 'node:fs';
import { createConnection, createServer, type Server, type Socket } from 'node:net';
import type { VerbAnswer, VerbContext } from './verb.js';
import { runVerb } from './verbs.js';

const lineOctetsMax = 262_144;
// Lines of one connection that may wait for their answers before no more are read.
const waitingMax = 64;
// What the kernel takes as the path of a socket, without the closing zero.
const pathOctetsMax = 107;
const answerMsMax = 30_000;
// A large policy is judged, and a migration explored, while messages go first.
const judgedAnswerMsMax = 600_000;

export interface AdminServer {
  close(): Promise<void>;
}

/** Listens on a socket file; a stale one is replaced, for the caller holds the store's lock. */
export async function serveAdmin(
  path: string,
  context: VerbContext,
  failed: (cause: unknown) => void,
): Promise<AdminServer> {
  checkPath(path);
  rmSync(path, { force: true });
  const sockets = new Set<Socket>();
  let closing = false;
  // What a closing engine can no longer answer is no failure.
  const failedIfOpen = (cause: unknown): void => {
    if (!closing) failed(cause);
  };
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    socket.on('error', () => socket.destroy());
    eachLine(socket, (line) => answerLine(context, line), failedIfOpen);
  });
  await listen(server, path);
  chmodSync(path, 0o600);
  return {
    close: () =>
      new Promise((resolve) => {
        closing = true;
        for (const socket of sockets) socket.destroy();
        server.close(() => resolve());
      }),
  };
}

function listen(server: Server, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(path, resolve);
  });
}

// A longer path would be cut by some systems and answer under another name.
function checkPath(path: string): void {
  const octets = Buffer.byteLength(path);
  if (octets <= pathOctetsMax) return;
  const what = `${path} has ${octets} octets, the path of a socket at most ${pathOctetsMax}`;
  throw Object.assign(new Error(what), { code: 'ENAMETOOLONG' });
}

// Lines of one connection are answered in their order.
function eachLine(
  socket: Socket,
  answer: (line: string) => Promise<VerbAnswer>,
  failed: (cause: unknown) => void,
): void {
  let rest = '';
  let waiting = 0;
  let last: Promise<void> = Promise.resolve();
  const write = (reply: VerbAnswer): void => {
    if (!socket.destroyed) socket.write(`${JSON.stringify(reply)}\n`);
    waiting -= 1;
    if (waiting < waitingMax) socket.resume();
  };
  const take = (reply: () => VerbAnswer | Promise<VerbAnswer>): void => {
    waiting += 1;
    if (waiting >= waitingMax) socket.pause();
    last = last.then(reply).then(write).catch(failed);
  };
  socket.setEncoding('utf8');
  socket.on('data', (chunk: string) => {
    const lines = (rest + chunk).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) take(() => (line.length > lineOctetsMax ? tooLong : answer(line)));
    if (rest.length <= lineOctetsMax) return;
    rest = '';
    socket.removeAllListeners('data');
    take(() => tooLong);
    void last.then(() => socket.end());
  });
}

const tooLong: VerbAnswer = {
  ok: false,
  code: 'bad-request',
  message: `a request line has at most ${lineOctetsMax} characters`,
};

async function answerLine(context: VerbContext, line: string): Promise<VerbAnswer> {
  let request: unknown;
  try {
    request = JSON.parse(line);
  } catch {
    return { ok: false, code: 'bad-request', message: 'a request is one JSON object on one line' };
  }
  const { verb, args } = (request ?? {}) as { verb?: unknown; args?: unknown };
  if (typeof verb !== 'string')
    return { ok: false, code: 'bad-request', message: 'a request names its verb' };
  return runVerb(context, verb, args ?? {});
}

/** Asks a running engine; rejects with ENOENT or ECONNREFUSED when nobody listens. */
export function askAdmin(path: string, verb: string, args: object): Promise<VerbAnswer> {
  return new Promise((resolve, reject) => {
    checkPath(path);
    const socket = createConnection(path);
    let text = '';
    const patienceMs = /^(policy|rules)\./.test(verb) ? judgedAnswerMsMax : answerMsMax;
    socket.setTimeout(patienceMs, () => {
      socket.destroy(new Error(`no answer within ${patienceMs} ms`));
    });
    socket.setEncoding('utf8');
    socket.on('error', reject);
    socket.on('connect', () => socket.write(`${JSON.stringify({ verb, args })}\n`));
    socket.on('data', (chunk: string) => {
      text += chunk;
      const end = text.indexOf('\n');
      if (end === -1) return;
      socket.destroy();
      resolve(JSON.parse(text.slice(0, end)) as VerbAnswer);
    });
    socket.on('close', () => reject(new Error('the engine closed the connection')));
  });
}
