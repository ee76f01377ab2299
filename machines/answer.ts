// How a SIP final code is understood when it answers our own MESSAGE: the classes of RFC 3428 section 7 as
// the store needs them. One table, for deliveries and for reports.
import type { AnswerClass } from './events.js';

// A code that may be different the next time. 0 stands for "not sent at all", 408 also for "no answer".
const temporary = new Set([
  0, 401, 407, 408, 430, 480, 482, 483, 486, 487, 491, 500, 502, 503, 504,
]);

/** Class of a SIP final status code (200 to 699), or of 0 for a request that was never sent. */
export function answerClass(status: number): AnswerClass {
  if (status >= 200 && status < 300) return 'success';
  if (status >= 600) return 'refused';
  return temporary.has(status) ? 'temporary' : 'unsuitable';
}
