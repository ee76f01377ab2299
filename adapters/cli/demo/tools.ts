// What the host offers: which programs of the real stage it has, and the environment they run in. Starts nothing but
// `kamailio -c`, which reads a configuration and ends. Knows nothing about the story.
import { spawnSync } from 'node:child_process';
import { accessSync, constants, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';

const probeMs = 5000;

/**
 * Makes the environment fit for the programs of a run: their temporary folders go into `folder`, so that one removal
 * takes all; settings of a real engine on this host stay out; Debian's servers are found where a plain user's PATH
 * does not lead. Returns what puts the old environment back.
 */
export function borrowEnvironment(folder: string): () => void {
  const before = { ...process.env };
  const path = (before['PATH'] ?? '').split(delimiter);
  const more = ['/usr/sbin', '/usr/local/sbin'].filter((one) => !path.includes(one));
  for (const name of Object.keys(before)) {
    if (name.startsWith('DEFERRED_IM_')) delete process.env[name];
  }
  process.env['PATH'] = [...path, ...more].join(delimiter);
  process.env['TMPDIR'] = folder;
  return () => {
    if (before['TMPDIR'] === undefined) delete process.env['TMPDIR'];
    Object.assign(process.env, before);
  };
}

/** What is missing for real SIP, in words; empty when nothing is. `folder` takes a small file. */
export function missingTools(folder: string): readonly string[] {
  const missing = ['nats-server', 'kamailio'].filter((name) => !isProgram(name));
  if (missing.includes('kamailio')) return missing;
  const modules = ['nats', 'async'].filter((name) => !hasModule(name, folder));
  return [...missing, ...modules.map((name) => `the module ${name}.so of kamailio`)];
}

function isProgram(name: string): boolean {
  return (process.env['PATH'] ?? '').split(delimiter).some((folder) => {
    try {
      accessSync(join(folder, name), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

// Only Kamailio knows where its modules are: it is asked to load one.
function hasModule(name: string, folder: string): boolean {
  const file = join(folder, 'probe.cfg');
  const text = `listen=udp:127.0.0.1:5060\nloadmodule "${name}.so"\nrequest_route { exit; }\n`;
  writeFileSync(file, `#!KAMAILIO\n${text}`);
  const probe = spawnSync('kamailio', ['-c', '-f', file], { stdio: 'ignore', timeout: probeMs });
  return probe.status === 0;
}
