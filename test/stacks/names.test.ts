// Linphone as the reader of a report that names people: it takes CPIM only when its From is that of SIP to the letter, so
// that a name in one alone is refused by 488. `report.displayNames` off leaves the names out.
import t from 'tap';
import { letter } from '../conformance/wire/letters.js';
import { startChain, users } from '../support/chain.js';
import { startLinphone } from './linphone.js';

for (const displayNames of ['true', 'false']) {
  t.test(`C87 Linphone and a report, report.displayNames ${displayNames}`, async (t) => {
    const chain = await startChain({ settings: { 'report.displayNames': displayNames } });
    t.teardown(() => chain.stop());
    const [alice, bob] = [await chain.agent('linphone1'), await chain.bob()];
    const sent = letter(alice, bob);
    t.equal((await alice.message(sent)).status, 202);
    const id = await chain.newest(bob);
    const phone = await startLinphone('linphone1', users['linphone1']!, chain.kamailio.port);
    t.teardown(() => phone.stop());
    await chain.admin('messages.expire', { id });
    await chain.reaches(id, displayNames === 'true' ? 'report-refused' : 'reported');
    const { trail } = await chain.life(id);
    const status = trail.find(({ event }) => event === 'report.answered')?.status;
    t.equal(status, displayNames === 'true' ? 488 : 200);
  });
}
