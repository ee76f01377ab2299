// Linphone's SIP stack (liblinphone and belle-sip) as Debian's linphone-daemon runs it: it registers by digest, writes
// CPIM that asks for every disposition, reads IMDNs, and answers with its own. What it makes of a message is read in
// its log.
import { freePort } from '../../adapters/cli/stage/child.js';
import { type Phone, startPhone } from './program.js';

/** Starts Linphone for a user of the proxy and waits until it is registered. */
export async function startLinphone(
  user: string,
  password: string,
  proxyPort: number,
): Promise<Phone> {
  const phone = startPhone({
    user,
    files: { rc: configuration(user, password, { proxyPort, port: await freePort() }) },
    // Its database wants the folder to be there; it ends when its orders end.
    command:
      'mkdir -p .local/share/linphone && tail -n +1 -f orders | linphone-daemon --config rc --log log',
    log: 'log',
  });
  await phone
    .shows('registers', (told) => told.includes('to [LinphoneRegistrationOk]'))
    .catch(async (error) => {
      await phone.stop();
      throw error;
    });
  return phone;
}

interface Ports {
  readonly proxyPort: number;
  readonly port: number;
}

// On loopback alone the program believes there is no network, so it must not wait for one. CPIM is off by default
// where the other side is no chat room of a server.
const configuration = (user: string, password: string, { proxyPort, port }: Ports): string => `[sip]
sip_port=${port}
sip_tcp_port=0
sip_tls_port=0
use_ipv6=0
bind_address=127.0.0.1
default_proxy=0
register_only_when_network_is_up=0
[proxy_default_values]
cpim_in_basic_chat_rooms_enabled=1
[misc]
prefer_basic_chat_room=1
[auth_info_0]
username=${user}
passwd=${password}
realm=example.org
domain=example.org
[proxy_0]
reg_proxy=<sip:127.0.0.1:${proxyPort};transport=udp>
reg_route=<sip:127.0.0.1:${proxyPort};transport=udp>
reg_identity=sip:${user}@example.org
reg_expires=600
reg_sendregister=1
publish=0
cpim_in_basic_chat_rooms_enabled=1
`;
