// The places where a test may stop the engine (reliability 3.1): between receiving and deciding, around each commit,
// acknowledgement, publication and outcome, in boot and shutdown. Production hands in a function that does nothing;
// a test kills, throws or waits there. A name stands here before it stands in the code.
export const failpoints = [
  'cmd.received',
  'cmd.validated',
  'commit.before',
  'commit.after',
  'ack.before',
  'ack.after',
  'effect.before-publish',
  'effect.after-publish',
  'outcome.received',
  'outcome.before-commit',
  'outcome.after-commit',
  'timer.fired',
  'report.after-commit',
  'report.before-publish',
  'report.after-publish',
  'outbox.before-delete',
  'outbox.after-delete',
  'audit.before-publish',
  'audit.after-publish',
  'audit.acknowledged',
  'audit.after-remove',
  'boot.opened',
  'boot.scanned',
  'boot.rearmed',
  'policy.before-activate',
  'policy.after-activate',
  'policy.before-move',
  'policy.after-move',
  'shutdown.begin',
  'shutdown.before-close',
] as const;

export type Failpoint = (typeof failpoints)[number];

/** Told each time the engine passes a point. */
export type FailpointHook = (name: Failpoint) => void;

export const noFailpoint: FailpointHook = () => {};
