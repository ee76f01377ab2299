// Loaded before a test file by test/main.ts: tap then follows no promise. It hears of each one, and of its end at the garbage
// collector, to tell which subtest an error in a stray callback belongs to; that takes a third of the time of tests that
// open engines. Without it such an error ends the process, and so fails the whole file. Started by `node` alone a test file
// does not load this, and says more.
import hooks from 'node:async_hooks';
import { syncBuiltinESMExports } from 'node:module';

const deaf: hooks.AsyncHook = {
  enable: () => deaf,
  disable: () => deaf,
};

hooks.createHook = () => deaf;
syncBuiltinESMExports();
