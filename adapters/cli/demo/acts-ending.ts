// Acts about messages that end unread: expired with a report asked for, deleted by Bob, expired without request.
// Time is real: messages live for two seconds.

import type { SipRequest } from '../stage/sip-agent.js';
import { bobUri, type Letter, letterOf } from './letters.js';
import type { Act, FoundReport, Problem, Scene } from './scene.js';
import { domain } from './stage.js';

const shortSeconds = 2;
/** Longer than any report of the acts before took. */
const silenceMs = 4000;
const serviceUri = `sip:deferred@${domain}`;
const commandType = 'application/vnd.deferred-im.command+json';
const resultType = 'application/vnd.deferred-im.result+json';

function wrongReport({ request, status, notification }: FoundReport): readonly Problem[] {
  const from = request.header('from') ?? '';
  return [
    `${notification} ${status}` !== 'delivery failed' && `it says ${notification} ${status}`,
    !from.includes(`<${bobUri}>`) && `its From is ${from}`,
  ];
}

/** The time since expiry, in words. */
const sinceExpiry = (letter: Letter): string =>
  `${Date.now() - letter.expiresAtMs} ms after its expiry`;

export const expiredReported: Act = {
  title: 'A message expires, and Alice asked to know',
  claims: {
    report: "Alice's agent receives an IMDN by SIP MESSAGE: delivery failed, in Bob's name",
    matched: 'by its message-id the agent matches it to the message it sent',
  },
  play: async (scene) => {
    const letter = letterOf({
      subject: 'Tea in a minute?',
      text: 'Kettle is on.',
      expiresSeconds: shortSeconds,
      report: true,
    });
    const answer = await scene.send(letter);
    scene.say(
      `Expires: ${shortSeconds}, imdn.Disposition-Notification: negative-delivery. Answered ${answer.status}. Bob stays away…`,
    );
    const report = await scene.firstReport(letter);
    scene.say(`…and ${sinceExpiry(letter)} Alice hears:`);
    scene.showText(scene.alice, 'received', report.request);
    const early = Date.now() < letter.expiresAtMs && 'it came before the expiry';
    scene.claim('report', [early, ...wrongReport(report)]);
    await scene.inState(letter, 'reported');
    const count = scene.reports(letter).length;
    scene.claim('matched', [count !== 1 && `${count} reports match`]);
  },
};

export const deletedReported: Act = {
  title: 'Bob deletes a message unread',
  claims: {
    result:
      'Bob deletes by SIP MESSAGE: empty 202, then the result as a MESSAGE with 200 for its id',
    report: 'Alice, who asked, gets her report',
  },
  play: async (scene) => {
    const letter = letterOf({
      subject: 'Chess tonight?',
      text: 'You owe me a game.',
      expiresSeconds: 3600,
      report: true,
    });
    await scene.send(letter);
    // Bob can be reached, but takes only what the service writes to him.
    scene.bob.onMessage = (request) => (request.header('content-type') === resultType ? 200 : 486);
    await scene.bob.register();
    scene.say(
      "Bob's phone is back, but busy: it answers the delivery 486, so the message waits on.",
    );
    await backToStored(scene, letter);
    const listed = await command(scene, { v: 1, op: 'list' });
    const id = listedId(listed);
    const answer = await order(scene, { v: 1, op: 'delete', ids: [id] });
    scene.show(scene.bob, 'sent', 'MESSAGE');
    const result = await resultOf(scene, answer.callId);
    scene.showText(scene.bob, 'received', result);
    scene.claim('result', [
      answer.status !== 202 && `the command was answered ${answer.status}`,
      answer.octets !== 0 && 'the answer has a body',
      ...wrongResult(result, id),
    ]);
    const report = await scene.firstReport(letter);
    scene.say(`And Alice hears that ${letter.id} has failed, not why.`);
    await scene.inState(letter, 'reported');
    scene.claim('report', [
      ...wrongReport(report),
      scene.reports(letter).length !== 1 && 'there is more than one',
    ]);
  },
};

function backToStored(scene: Scene, letter: Letter): Promise<unknown> {
  return scene.until(`"${letter.subject}" stored again after the 486`, async () => {
    const life = await scene.life(letter);
    return life?.state === 'stored' && life.trail.some((step) => step.status === 486);
  });
}

interface Ordered {
  readonly callId: string;
  readonly status: number;
  readonly octets: number;
}

/** Sends a user command; resolves with its answer. */
async function order({ bob }: Scene, body: object): Promise<Ordered> {
  const text = JSON.stringify(body);
  const answer = await bob.message({ to: serviceUri, contentType: commandType, body: text });
  const callId = answer.header('call-id') ?? '';
  return { callId, status: answer.status, octets: answer.message.body.length };
}

/** The result that belongs to a command, by its Call-ID. */
function resultOf(scene: Scene, callId: string): Promise<SipRequest> {
  return scene.until('the result of the command', () =>
    scene.bob.received.find(
      (one) => one.header('content-type') === resultType && one.body.includes(callId),
    ),
  );
}

async function command(scene: Scene, body: object): Promise<SipRequest> {
  const { callId, status } = await order(scene, body);
  if (status !== 202) throw new Error(`the command was answered ${status}`);
  return resultOf(scene, callId);
}

function listedId(listed: SipRequest): string {
  const { messages } = JSON.parse(listed.body.toString('utf8')) as {
    readonly messages: readonly { readonly id: string }[];
  };
  const [only, ...others] = messages;
  if (only === undefined || others.length > 0) {
    throw new Error(`Bob's list has ${messages.length} messages`);
  }
  return only.id;
}

function wrongResult(result: SipRequest, id: string): readonly Problem[] {
  const { results = [] } = JSON.parse(result.body.toString('utf8')) as {
    readonly results?: readonly { readonly id: string; readonly status: number }[];
  };
  const [only] = results;
  return [
    results.length !== 1 && `the result has ${results.length} rows`,
    only?.id !== id && `it is about ${only?.id}`,
    only?.status !== 200 && `its code is ${only?.status}`,
  ];
}

export const expiredSilently: Act = {
  title: 'A message expires, and nobody asked',
  claims: { silent: 'no report: the message is dropped, and Alice hears nothing' },
  play: async (scene) => {
    const letter = letterOf({
      subject: 'Never mind',
      text: 'Only if you happen to be around.',
      expiresSeconds: shortSeconds,
      report: false,
    });
    const heard = scene.alice.received.length;
    await scene.send(letter);
    await scene.inState(letter, 'dropped');
    scene.say(
      `Dropped ${sinceExpiry(letter)}. Waiting ${silenceMs / 1000} s more, longer than any report took…`,
    );
    await scene.quiet(silenceMs);
    const count = scene.alice.received.length - heard;
    scene.claim('silent', [count !== 0 && `Alice received ${count} messages`]);
  },
};
