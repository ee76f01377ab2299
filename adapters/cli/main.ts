#!/usr/bin/env node
// The program `deferred-im`: one command line in, one exit code out. Everything else is in
// command.ts, where tests reach it without a process.
import { exitCodes } from '../../runtime/index.js';
import { runCommand } from './command.js';

const argv = process.argv.slice(2);

// A reader that went away, such as `head`, is no error; an engine serves on without one.
process.stdout.on('error', (cause: NodeJS.ErrnoException) => {
  if (argv[0] !== 'serve') process.exit(cause.code === 'EPIPE' ? exitCodes.ok : exitCodes.io);
});

process.exitCode = await runCommand(argv);
