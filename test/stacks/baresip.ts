// baresip (libre) as Debian packages it: it registers by digest, writes and reads plain text, and refuses every other
// type of content. Orders come over its control port, what it says is the trace of its own SIP.
import { connect } from 'node:net';
import { freePort } from '../../adapters/cli/stage/child.js';
import { type Phone, startPhone } from './program.js';

const patienceMs = 10_000;
/** Where Debian puts them. */
const modules = '/usr/lib/baresip/modules';

export interface Baresip extends Phone {
  /** Has it write plain text to its peer. */
  message(text: string): Promise<void>;
}

/** Starts baresip for a user of the proxy, who writes to `peer`, and waits until it is registered. */
export async function startBaresip(
  user: string,
  password: string,
  { proxyPort, peer }: { readonly proxyPort: number; readonly peer: string },
): Promise<Baresip> {
  const [port, control] = [await freePort(), await freePort()];
  const outbound = `"sip:127.0.0.1:${proxyPort};transport=udp"`;
  const account = `<sip:${user}@example.org>;auth_user=${user};auth_pass=${password};outbound=${outbound};regint=600\n`;
  const files = {
    config: configuration(port, control),
    accounts: account,
    contacts: `"Peer" <${peer}>\n`,
  };
  const phone = startPhone({ user, files, command: 'exec baresip -f "$0" -s' });
  await phone
    .shows('registers', (told) => told.includes('200 OK (deferred-im proxy)'))
    .catch(async (error) => {
      await phone.stop();
      throw error;
    });
  return { ...phone, message: (text) => order(control, 'message', text) };
}

const configuration = (port: number, control: number): string => `sip_listen 127.0.0.1:${port}
net_interface 127.0.0.1
module_path ${modules}
module_app account.so
module_app contact.so
module_app menu.so
module_app ctrl_tcp.so
ctrl_tcp_listen 127.0.0.1:${control}
`;

/** One order over the control port: a netstring around JSON; resolves when it says it has done it. */
function order(port: number, command: string, params: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1');
    socket.setTimeout(patienceMs, () => socket.destroy(new Error(`${command}: no answer`)));
    socket.once('error', reject);
    socket.once('data', (answer) => {
      socket.destroy();
      if (answer.includes('"ok":true')) resolve();
      else reject(new Error(`${command}: ${answer}`));
    });
    const json = JSON.stringify({ command, params });
    socket.write(`${Buffer.byteLength(json)}:${json},`);
  });
}
