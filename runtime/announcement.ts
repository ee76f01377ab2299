// Before a late delivery whose own Date and Expires do not show that it is late, its recipient is told by a notice of this
// one message, with the instant at which it expired (spec 14, C80): the sender's pair is left as he wrote it. A notice
// that every attempt brings along, as nobody knows what became of the last one.
import type { Message } from '../machines/index.js';
import { launch } from './notice-effect.js';
import { wishesFor } from './preferences.js';
import type { Step } from './step.js';
import type { Turn } from './turn.js';

/** Launches the notice, before the delivery goes to the outbox; false when none is needed, or he wants none. */
export function announce(
  turn: Turn,
  local: string,
  message: Message,
  { effects }: Pick<Step, 'effects'>,
  node: string | null,
): boolean {
  const late = effects.some((one) => one.type === 'deliver' && one.late);
  if (!late || !looksFresh(message, turn.nowMs)) return false;
  if (wishesFor(turn, message.aor).notices === 'off') return false;
  launch(turn, { aor: message.aor, atMs: turn.nowMs, node, turnOf: null, about: local });
  return true;
}

const looksFresh = ({ dateMs, expiresSeconds, expiresAtMs }: Message, nowMs: number): boolean =>
  expiresAtMs !== null &&
  dateMs !== null &&
  expiresSeconds !== null &&
  dateMs + expiresSeconds * 1000 > nowMs;
