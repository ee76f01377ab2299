// What a reader of this folder says about input it cannot take: a stable code, a sentence without a
// word of the input in it (so that nothing foreign reaches a log or a reason phrase), and the octet
// where it was noticed. Readers return findings; none of them throws on bad input.

/** Codes are stable; sentences may change. */
export interface Finding {
  readonly code: string;
  readonly message: string;
  /** Octet (in text: UTF-16 unit) of the input at which the fault was noticed. */
  readonly offset: number;
}

/** A refusal that goes back to a sender of a SIP request. */
export interface Refusal {
  readonly ok: false;
  /** SIP final code for the sender. */
  readonly status: number;
  readonly code: string;
  readonly reason: string;
  readonly offset: number;
}

export interface Failed {
  readonly ok: false;
  readonly finding: Finding;
}

export function failed(code: string, message: string, offset: number): Failed {
  return { ok: false, finding: { code, message, offset } };
}

export function refusal(status: number, finding: Finding): Refusal {
  return {
    ok: false,
    status,
    code: finding.code,
    reason: finding.message,
    offset: finding.offset,
  };
}
