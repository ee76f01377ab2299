// Unguessable names in the alphabet the bus contract allows. Randomness is handed in.
import type { Entropy } from '../../runtime/index.js';

const alphabet = 'abcdefghijklmnopqrstuvwxyz234567';

/** 128 random bits as 26 characters of base32: a token of the contract. */
export function newToken(entropy: Entropy): string {
  let text = '';
  let bits = 0;
  let held = 0;
  for (const octet of entropy.bytes(16)) {
    held = (held << 8) | octet;
    bits += 8;
    while (bits >= 5) {
      bits -= 5;
      text += alphabet[(held >> bits) & 31];
    }
    held &= (1 << bits) - 1;
  }
  return text + alphabet[(held << (5 - bits)) & 31];
}
