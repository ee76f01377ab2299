// Time for a story on a real disk: instants are moved by hand, as in a simulated world, but work that is to be done
// "soon" is done at once, for the disk answers when it likes.
import { SimulatedClock } from '../support/world.js';

export class StoryClock extends SimulatedClock {
  override soon(run: () => void): void {
    setImmediate(run);
  }
}
