// The forced-reload mode: with DEFERRED_IM_RELOAD=1 in the environment of a test, nothing of an actor outlives one
// event. The row cache keeps nothing, and every row that is read is made anew from its octets or from its JSON, those of
// the open group included; what is handed out cannot be changed. An engine that leans on an object instead of on its
// rows fails then. The program itself knows no such mode: its classes are taken over here.
import { RowCache } from '../../runtime/cache.js';
import { Ledger } from '../../runtime/ledger.js';

/** Rows that were made anew, in all. */
export let reloaded = 0;

function frozen<T>(value: T): T {
  if (typeof value !== 'object' || value === null) return value;
  for (const inner of Object.values(value)) frozen(inner);
  return Object.freeze(value);
}

function anew<T extends object>(value: T): T {
  reloaded += 1;
  return frozen(JSON.parse(JSON.stringify(value)) as T);
}

function forceReload(): void {
  RowCache.prototype.keeps = () => false;
  RowCache.prototype.get = () => undefined;
  RowCache.prototype.set = () => {};
  const { readJson, insert, put } = Ledger.prototype;
  Ledger.prototype.readJson = function <T extends object>(this: Ledger, key: string): T | null {
    const value = readJson.call(this, key) as T | null;
    return value === null ? null : anew(value);
  };
  for (const [name, write] of Object.entries({ insert, put })) {
    Ledger.prototype[name as 'insert' | 'put'] = function (key, content) {
      write.call(this, key, content instanceof Uint8Array ? content : anew(content));
    };
  }
  process.on('exit', () => process.stderr.write(`rows made anew: ${reloaded}\n`));
}

if (process.env['DEFERRED_IM_RELOAD'] === '1') forceReload();
