// Since when effects can go out. Patience with an attempt counts from there: an answer that could not come while the
// port was away is no silence of the phone (reliability R21). Asked for in every turn, so that a decision takes it as
// an input, as it takes the time; remembers one instant and nothing else.
import type { EffectPort } from './ports.js';

export class Sending {
  private sinceMs: number | null = null;

  constructor(private readonly port: Pick<EffectPort, 'ready'>) {}

  /** The instant since which effects can go out without a break, or null while they cannot. */
  since(nowMs: number): number | null {
    this.sinceMs = this.port.ready() ? (this.sinceMs ?? nowMs) : null;
    return this.sinceMs;
  }

  /** The port came back: it was away, even if nobody asked meanwhile. */
  anew(nowMs: number): void {
    this.sinceMs = nowMs;
  }
}
