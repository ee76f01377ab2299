// A part of a command that fails leaves nothing behind, and what was changed before it stands.
import t from 'tap';
import { Ledger } from '../../runtime/ledger.js';

const fault = new Error('the row is damaged');

t.test('R6 a part that throws is undone, what stood before it is not', async (t) => {
  const ledger = new Ledger({ get: () => undefined });
  ledger.within(() => {
    ledger.insert('kept', { at: 1 });
    ledger.insert('changed', { at: 1 });
    const halfway = () => {
      ledger.put('changed', { at: 2 });
      ledger.remove('kept');
      ledger.insert('new', { at: 2 });
      throw fault;
    };
    t.throws(() => ledger.part(halfway), fault);
    t.same(ledger.readJson('kept'), { at: 1 });
    t.same(ledger.readJson('changed'), { at: 1 });
    t.equal(ledger.readJson('new'), null);
    ledger.part(() => ledger.put('changed', { at: 3 }));
  });
  t.same(ledger.readJson('changed'), { at: 3 });
  t.throws(
    () =>
      ledger.within(() => {
        ledger.put('changed', { at: 4 });
        ledger.part(() => ledger.put('changed', { at: 5 }));
        throw fault;
      }),
    fault,
  );
  t.same(ledger.readJson('changed'), { at: 3 }, 'the whole command as well');
});
