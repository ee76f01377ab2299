// A SIP phone of others that runs as a program of its own: started in a folder that is its whole home, told what to do
// line by line, ended by its id. Invariant: it reaches nothing but loopback, and nothing it writes outlives the test.
// It knows no SIP; what a phone understands stands in linphone.ts and baresip.ts.
import {
  appendFileSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startChild, waitFor } from '../../adapters/cli/stage/child.js';

const patienceMs = 25_000;

/** A phone of another stack. */
export interface Phone {
  readonly user: string;
  readonly uri: string;
  /** Tells it one line. */
  say(line: string): void;
  /** Everything it has shown and logged so far. */
  told(): string;
  /** Resolves when what it has shown and logged fits. */
  shows(what: string, fits: (told: string) => boolean): Promise<void>;
  stop(): Promise<void>;
}

export interface PhoneProgram {
  readonly user: string;
  /** Files of its home, by name. */
  readonly files: Readonly<Record<string, string>>;
  /** What is run in its home, by sh; its orders come from the file `orders` there. */
  readonly command: string;
  /** A file of its home in which it logs, beside what it shows. */
  readonly log?: string;
}

/** Starts a phone; it may not have registered yet. */
export function startPhone(program: PhoneProgram): Phone {
  const home = mkdtempSync(join(tmpdir(), `deferred-im-${program.user}-`));
  const at = (name: string): string => join(home, name);
  for (const [name, text] of Object.entries({ ...program.files, orders: '' }))
    writeFileSync(at(name), text);
  const script = `cd "$0" && export HOME="$0" && ${program.command}`;
  const child = startChild('sh', ['-c', script, home], at('shown'));
  const read = (name: string): string =>
    existsSync(at(name)) ? readFileSync(at(name), 'utf8') : '';
  const told = (): string => read('shown') + (program.log === undefined ? '' : read(program.log));
  return {
    user: program.user,
    uri: `sip:${program.user}@example.org`,
    say: (line) => appendFileSync(at('orders'), `${line}\n`),
    told,
    shows: (what, fits) =>
      waitFor(`${program.user} ${what}`, async () => fits(told()), patienceMs, child),
    stop: async () => {
      await child.stop();
      rmSync(home, { recursive: true, force: true });
    },
  };
}
