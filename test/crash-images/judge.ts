// A program that boots stores as the engine would and says what it found: one folder after the other, over the channel
// to its parent. A damaged store may end it by a signal, which is why it is a process of its own.
import {
  makeStore,
  openRuntime,
  openStore,
  type RuntimeFault,
  storeExists,
} from '../../runtime/index.js';
import { numbered, received } from '../support/messages.js';
import { Contents, type RowDigest, wrongRows } from './contents.js';
import { StoryClock } from './story-clock.js';

export interface Case {
  readonly folder: string;
  readonly watermarkFolder: string;
  /** Messages to ask for. */
  readonly deferredIds: readonly string[];
  /** Also store one message more, end, and boot again. */
  readonly goOn: boolean;
}

export type Finding =
  | { readonly kind: 'refused'; readonly code: string; readonly why: string }
  | {
      readonly kind: 'accepted';
      /** There was none: a new one was made. */
      readonly made: boolean;
      readonly digest: RowDigest;
      /** What an independent check of all rows and sums found. */
      readonly wrong: readonly string[];
      /** Messages that are known, each with its outcome or null. */
      readonly known: Readonly<Record<string, string | null>>;
    };

const effects = { ready: () => false, send: () => {} };

async function judged(one: Case): Promise<Finding> {
  try {
    const made = !storeExists(one.folder);
    if (made) await makeStore(one, 'store.example.org');
    const found = await booted(one, one.goOn);
    if (one.goOn) await booted(one, false);
    return { kind: 'accepted', made, ...found };
  } catch (cause) {
    const { code = 'none', message } = cause as RuntimeFault;
    return { kind: 'refused', code, why: message };
  }
}

async function booted(one: Case, goOn: boolean) {
  const store = await openStore(one);
  let close = () => store.close();
  try {
    const { digest } = await Contents.of(store);
    const wrong = await wrongRows(store);
    // Before the last stored instant: time stands still, nothing falls due that was not due then.
    const clock = new StoryClock(0);
    const opened = await openRuntime(store, { effects, clock, exit: failed });
    close = () => opened.close();
    await opened.ready;
    const known: Record<string, string | null> = {};
    for (const id of one.deferredIds) {
      const life = opened.engine.show(id);
      if (life !== null) known[id] = life.outcome;
    }
    if (goOn) await opened.engine.submit(received(numbered(9_999_999)));
    return { digest, wrong, known };
  } finally {
    await close();
  }
}

const failed = (code: number, why: string): never => {
  process.stderr.write(`${why}\n`);
  process.exit(code);
};

process.on('message', (one: Case) => {
  judged(one).then((finding) => process.send?.(finding));
});
