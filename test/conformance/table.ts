// What is to hold, as data: the cases, and what the order's two documents ask with the cases that show it. Invariant:
// a case has one id for ever, and every requirement names cases that exist. Which tests show a case is found by name,
// in shown.ts; nothing here knows of tests.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { repositoryRoot } from '../support/repository.js';

/** One conformance case: a sentence of a source, put so that a test can decide it. */
export interface Case {
  /** `C` and a number of two or three digits. */
  readonly id: string;
  readonly name: string;
  readonly given: string;
  readonly when: string;
  readonly expected: string;
  /** Where it comes from; the letters are told on the page. */
  readonly source: string;
  /** Where it means something only at the outermost edge: without a test there it does not hold. */
  readonly edge?: 'wire';
}

/** One sentence of the order's two documents, in words of our own. */
export interface Requirement {
  readonly id: string;
  readonly document: 'S1' | 'S2';
  readonly clause: string;
  /** The word it stands with: SHALL, SHOULD, MAY, or what it is instead. */
  readonly strength: string;
  readonly words: string;
  /** Ids of the cases that show it; none where it asks nothing of software. */
  readonly cases: readonly string[];
}

const read = <T>(name: string): T => {
  const file = join(repositoryRoot, 'test/conformance/table', name);
  return JSON.parse(readFileSync(file, 'utf8')) as T;
};

/** All cases, in the order of their numbers. */
export const cases: readonly Case[] = read('cases.json');

/** All requirements, in the order of the documents. */
export const requirements: readonly Requirement[] = read('requirements.json');
