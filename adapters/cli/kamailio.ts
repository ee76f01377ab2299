// `kamailio check`: what an operator's kamailio.cfg still needs before deferred-im can stand behind
// it.
import { exitCodes } from '../../runtime/index.js';
import { checkKamailioFile } from '../compose.js';
import { safe } from './output.js';
import type { Verb } from './verb.js';

export const kamailioCheck: Verb = {
  name: 'kamailio check',
  purpose: 'Name what a kamailio.cfg still needs to include deferred-im.cfg.',
  text: 'Reads text only: Kamailio is neither started nor asked. Included files are followed.',
  arguments: [{ name: 'FILE', meaning: "The operator's kamailio.cfg." }],
  examples: ['deferred-im kamailio check /etc/kamailio/kamailio.cfg'],
  run: async ({ args, output }) => {
    const file = args[0] ?? '';
    const findings = checkKamailioFile(file);
    output.result({ file, findings }, () => {
      const lines = findings.map(({ line, code, message }) =>
        line === 0 ? `${file}: ${message} (${code})` : `${file}:${line}: ${message} (${code})`,
      );
      return `${safe([...lines, `kamailio check: ${findings.length} findings`].join('\n'))}\n`;
    });
    return findings.length === 0 ? exitCodes.ok : exitCodes.usage;
  },
};
