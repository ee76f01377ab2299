// Since when effects can go out: what patience counts from.
import t from 'tap';
import { Sending } from '../../runtime/sending.js';
import { RecordingEffects } from '../support/world.js';

t.test('C11 since when effects can go out', async (t) => {
  const port = new RecordingEffects();
  const sending = new Sending(port);
  t.equal(sending.since(1000), 1000, 'from the first question on');
  t.equal(sending.since(2000), 1000);
  port.up = false;
  t.equal(sending.since(3000), null);
  sending.anew(3500);
  t.equal(sending.since(4000), null, 'told too early');
  port.up = true;
  t.equal(sending.since(5000), 5000, 'a return that was only seen');
  sending.anew(6000);
  t.equal(sending.since(7000), 6000, 'an absence that was only told');
});
