// Reads an operator's kamailio.cfg and names what deferred-im still needs there: modules and their order, core
// parameters, defines, the include line, the routes called. Invariant: never throws on bad text, linear in its size.
// Conditional parts (#!ifdef) count as present. It judges text only and starts nothing.
import { existsSync, readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';

/** One thing missing or wrong; `line` is 0 where the thing is nowhere in the file. */
export interface KamailioFinding {
  readonly code: KamailioFindingCode;
  readonly message: string;
  readonly line: number;
}

export type KamailioFindingCode =
  | 'KAMAILIO_FILE'
  | 'KAMAILIO_INCLUDE'
  | 'KAMAILIO_MODULE'
  | 'KAMAILIO_ORDER'
  | 'KAMAILIO_PARAMETER'
  | 'KAMAILIO_DEFINE'
  | 'KAMAILIO_LISTEN'
  | 'KAMAILIO_ROUTE';

const modules = [
  'nats',
  'tm',
  'tmx',
  'sl',
  'pv',
  'textops',
  'textopsx',
  'siputils',
  'xlog',
  'usrloc',
  'registrar',
  'htable',
  'async',
] as const;

const parameters = [
  { name: 'async_workers', least: 1, why: 'answers continue held transactions there' },
  { name: 'pv_buffer_size', least: 131_072, why: 'a larger message could not be published' },
  { name: 'tcp_rd_buf_size', least: 131_072, why: 'large messages over TCP would be dropped' },
  { name: 'udp_mtu', least: 1, why: 'large deliveries must go over TCP (RFC 3428 section 8)' },
] as const;

const defines = [
  'DEFERRED_IM_NODE',
  'DEFERRED_IM_DOMAIN',
  'DEFERRED_IM_NATS_URL',
  'DEFERRED_IM_INNER_PORT',
] as const;

const calls = [
  ['DEFERRED_IM_INNER', 'first thing in request_route'],
  ['DEFERRED_IM_CLEAN', 'after authentication, before t_relay()'],
  ['DEFERRED_IM_QUEUE', 'before lookup(), for a MESSAGE to a user of yours'],
  ['DEFERRED_IM_STORE', 'where lookup() finds nobody'],
  ['DEFERRED_IM_REGISTERED', 'right after save()'],
] as const;

/** What large messages need beside: only where DEFERRED_IM_LARGE is defined. */
const largeModules = ['rr'] as const;
const largeCalls = [['DEFERRED_IM_SESSION', 'for an INVITE whose lookup() finds nobody']] as const;

const nodePattern = /^[A-Za-z0-9_-]{1,32}$/;
const includesMax = 64;

interface Token {
  readonly kind: 'word' | 'string' | 'mark' | 'directive';
  readonly text: string;
  readonly line: number;
}

interface Config {
  readonly tokens: readonly Token[];
  readonly modules: readonly {
    readonly name: string;
    readonly line: number;
    readonly at: number;
  }[];
  readonly defines: ReadonlyMap<string, { readonly value: string; readonly line: number }>;
  readonly include: { readonly line: number; readonly at: number } | null;
}

/** Findings of a configuration text; empty when nothing is missing. Included files are not read. */
export function checkKamailioConfig(text: string): readonly KamailioFinding[] {
  return findings(scan(text));
}

/** Findings of a configuration file and the files it includes, deferred-im.cfg itself excepted. */
export function checkKamailioFile(file: string): readonly KamailioFinding[] {
  const tokens = readTokens(resolve(file), { left: includesMax });
  if (tokens !== null) return findings(tokens);
  return [{ code: 'KAMAILIO_FILE', message: `cannot read ${file}`, line: 0 }];
}

function findings(tokens: readonly Token[]): readonly KamailioFinding[] {
  const config = readConfig(tokens);
  return [
    ...includeFindings(config),
    ...moduleFindings(config),
    ...parameterFindings(config),
    ...defineFindings(config),
    ...listenFindings(config),
    ...routeFindings(config),
  ];
}

function includeFindings(config: Config): readonly KamailioFinding[] {
  if (config.include) return [];
  const message = 'include_file "deferred-im.cfg" is missing';
  return [{ code: 'KAMAILIO_INCLUDE', message, line: 0 }];
}

function moduleFindings(config: Config): readonly KamailioFinding[] {
  const found: KamailioFinding[] = [];
  const needed = config.defines.has('DEFERRED_IM_LARGE') ? [...modules, ...largeModules] : modules;
  for (const name of needed) {
    const loaded = config.modules.find((one) => one.name === name);
    if (!loaded) {
      found.push({
        code: 'KAMAILIO_MODULE',
        message: `loadmodule "${name}.so" is missing`,
        line: 0,
      });
    } else if (config.include && loaded.at > config.include.at) {
      const message = `${name}.so must be loaded before deferred-im.cfg is included`;
      found.push({ code: 'KAMAILIO_ORDER', message, line: loaded.line });
    }
  }
  const nats = config.modules.find((one) => one.name === 'nats');
  if (nats && config.modules[0] !== nats) {
    const message =
      'nats.so must be the first module: it crashes at every stop, and those after it end before it';
    found.push({ code: 'KAMAILIO_ORDER', message, line: nats.line });
  }
  return found;
}

function parameterFindings(config: Config): readonly KamailioFinding[] {
  const found: KamailioFinding[] = [];
  for (const { name, least, why } of parameters) {
    const given = lastAssignment(config, name);
    if (given && given.value >= least) continue;
    const message = `${name}=${least} or more is needed: ${why}`;
    found.push({ code: 'KAMAILIO_PARAMETER', message, line: given?.line ?? 0 });
  }
  return found;
}

function lastAssignment(config: Config, name: string): { value: number; line: number } | null {
  const { tokens } = config;
  for (let at = tokens.length - 3; at >= 0; at--) {
    const token = tokens[at]!;
    if (token.kind !== 'word' || token.text !== name || tokens[at + 1]!.text !== '=') continue;
    const written = tokens[at + 2]!.text;
    const value = Number(config.defines.get(written)?.value ?? written);
    return { value: Number.isNaN(value) ? 0 : value, line: token.line };
  }
  return null;
}

function defineFindings(config: Config): readonly KamailioFinding[] {
  const found: KamailioFinding[] = [];
  for (const name of defines) {
    if (config.defines.has(name)) continue;
    const message = `#!substdef "!${name}!...!g" is missing`;
    found.push({ code: 'KAMAILIO_DEFINE', message, line: 0 });
  }
  const node = config.defines.get('DEFERRED_IM_NODE');
  if (node && !nodePattern.test(node.value)) {
    const message = 'DEFERRED_IM_NODE must be 1 to 32 of A-Z a-z 0-9 _ -';
    found.push({ code: 'KAMAILIO_DEFINE', message, line: node.line });
  }
  return found;
}

function listenFindings(config: Config): readonly KamailioFinding[] {
  const port = config.defines.get('DEFERRED_IM_INNER_PORT')?.value ?? 'DEFERRED_IM_INNER_PORT';
  const { tokens } = config;
  for (const [at, token] of tokens.entries()) {
    if (token.text !== 'listen' || tokens[at + 1]?.text !== '=') continue;
    const line = tokens.slice(at + 2, at + 12).filter((one) => one.line === token.line);
    const address = line.map((one) => one.text).join('');
    const inner = address.endsWith(`:${port}`) || address.endsWith(':DEFERRED_IM_INNER_PORT');
    if (inner && address.startsWith('udp:127.0.0.1:')) return [];
  }
  const message = 'listen=udp:127.0.0.1:DEFERRED_IM_INNER_PORT is missing';
  return [{ code: 'KAMAILIO_LISTEN', message, line: 0 }];
}

function routeFindings(config: Config): readonly KamailioFinding[] {
  const found: KamailioFinding[] = [];
  const needed = config.defines.has('DEFERRED_IM_LARGE') ? [...calls, ...largeCalls] : calls;
  for (const [name, where] of needed) {
    if (positionOf(config, 'route', '(', name) !== null) continue;
    const message = `route(${name}) is never called: ${where}`;
    found.push({ code: 'KAMAILIO_ROUTE', message, line: 0 });
  }
  if (positionOf(config, 'route', '[', 'DEFERRED_IM_SERVED') === null) {
    const message =
      'route[DEFERRED_IM_SERVED] is missing: return 1 for users with an account, else -1';
    found.push({ code: 'KAMAILIO_ROUTE', message, line: 0 });
  }
  const own = positionOf(config, 'event_route', '[', 'usrloc');
  if (own !== null && !config.defines.has('DEFERRED_IM_OWN_EXPIRED')) {
    const message =
      'event_route[usrloc:contact-expired] exists twice: define DEFERRED_IM_OWN_EXPIRED, call route(DEFERRED_IM_EXPIRED)';
    found.push({ code: 'KAMAILIO_ROUTE', message, line: own });
  }
  return found;
}

/** The line of `first` `mark` `name`, or null. */
function positionOf(config: Config, first: string, mark: string, name: string): number | null {
  const { tokens } = config;
  const at = tokens.findIndex(
    (token, index) =>
      token.text === first && tokens[index + 1]?.text === mark && tokens[index + 2]?.text === name,
  );
  return at < 0 ? null : tokens[at]!.line;
}

function readConfig(tokens: readonly Token[]): Config {
  const loaded: { name: string; line: number; at: number }[] = [];
  const defined = new Map<string, { value: string; line: number }>();
  let include: { line: number; at: number } | null = null;
  for (const [at, token] of tokens.entries()) {
    if (token.kind === 'directive') defineOf(token, defined);
    if (token.kind !== 'word') continue;
    const next = tokens[at + 1]?.text === '(' ? tokens[at + 2] : tokens[at + 1];
    if (next?.kind !== 'string') continue;
    if (token.text.startsWith('loadmodule')) {
      loaded.push({ name: moduleName(next.text), line: token.line, at });
    }
    if (isInclude(token) && next.text.endsWith('deferred-im.cfg'))
      include = { line: token.line, at };
  }
  return { tokens, modules: loaded, defines: defined, include };
}

function isInclude(token: Token): boolean {
  return token.text === 'include_file' || token.text === 'import_file';
}

function moduleName(path: string): string {
  const name = path.slice(path.lastIndexOf('/') + 1);
  return name.endsWith('.so') ? name.slice(0, -3) : name;
}

// `#!substdef "!NAME!value!g"` with any delimiter, `#!define NAME value`.
function defineOf(token: Token, defined: Map<string, { value: string; line: number }>): void {
  const [word = '', ...rest] = token.text.split(' ').filter((one) => one !== '');
  if (word.endsWith('def') && word.includes('subst')) {
    const quoted = token.text.slice(token.text.indexOf('"') + 1);
    const [, name = '', value = ''] = quoted.split(quoted[0] ?? '!');
    defined.set(name, { value, line: token.line });
  } else if (word.includes('def') && !word.includes('if') && rest[0] !== undefined) {
    defined.set(rest[0], { value: rest.slice(1).join(' '), line: token.line });
  }
}

function readTokens(file: string, budget: { left: number }): readonly Token[] | null {
  if (budget.left-- <= 0 || !existsSync(file)) return null;
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch {
    return null;
  }
  const tokens: Token[] = [];
  const own = scan(text);
  for (const [at, token] of own.entries()) {
    tokens.push(token);
    const path = own[at + 1];
    if (!isInclude(token) || path?.kind !== 'string' || path.text.endsWith('deferred-im.cfg'))
      continue;
    tokens.push(...(readTokens(resolve(dirname(file), path.text), budget) ?? []));
  }
  return tokens;
}

/** One pass: comments away, strings whole, directives as one token. */
function scan(text: string): readonly Token[] {
  const tokens: Token[] = [];
  let line = 1;
  let at = 0;
  const take = (kind: Token['kind'], from: number, to: number, next: number): void => {
    tokens.push({ kind, text: text.slice(from, to), line });
    line += countLines(text, from, next);
    at = next;
  };
  while (at < text.length) {
    const mark = text[at]!;
    if (mark === '\n') {
      line += 1;
      at += 1;
    } else if (mark === '#' && (text[at + 1] === '!' || text[at + 1] === '#')) {
      const end = lineEnd(text, at);
      take('directive', at, end, end);
    } else if (mark === '#' || text.startsWith('//', at)) {
      at = lineEnd(text, at);
    } else if (text.startsWith('/*', at)) {
      const end = indexOrEnd(text, '*/', at + 2);
      line += countLines(text, at, end);
      at = Math.min(end + 2, text.length);
    } else if (mark === '"' || mark === "'") {
      const end = stringEnd(text, at);
      take('string', at + 1, end, Math.min(end + 1, text.length));
    } else if (isWord(mark)) {
      let end = at + 1;
      while (end < text.length && isWord(text[end]!)) end += 1;
      take('word', at, end, end);
    } else if (mark === ' ' || mark === '\t' || mark === '\r') {
      at += 1;
    } else {
      take('mark', at, at + 1, at + 1);
    }
  }
  return tokens;
}

function isWord(mark: string): boolean {
  return /[A-Za-z0-9_.-]/.test(mark);
}

function lineEnd(text: string, at: number): number {
  return indexOrEnd(text, '\n', at);
}

function indexOrEnd(text: string, what: string, at: number): number {
  const end = text.indexOf(what, at);
  return end < 0 ? text.length : end;
}

function stringEnd(text: string, at: number): number {
  const quote = text[at];
  let end = at + 1;
  while (end < text.length && text[end] !== quote) end += text[end] === '\\' ? 2 : 1;
  return Math.min(end, text.length);
}

function countLines(text: string, from: number, to: number): number {
  let count = 0;
  for (let at = from; at < to; at++) if (text[at] === '\n') count += 1;
  return count;
}
