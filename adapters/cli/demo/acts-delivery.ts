// Acts about storing and delivering: stored and answered, delivered as written, once after a crash, once after a
// resend, refused when forged. They look from outside only: phones and the operator's questions.
import type { HeaderFields } from '../stage/sip-text.js';
import { aliceFrom, bobUri, type Letter, letterOf } from './letters.js';
import type { Act, Problem, Scene } from './scene.js';
import type { Heard } from './stage.js';

/** The outbox repeats an unanswered effect after 2 s: a second copy would come within this time. */
const onceMs = 2600;

/** What is wrong with an answer to a stored message (RFC 3428 section 7: 202, no body, no Contact). */
function wrongAnswer(answer: Heard): readonly Problem[] {
  return [
    answer.status !== 202 && `the answer is ${answer.status} ${answer.reason}`,
    answer.message.body.length > 0 && 'the answer has a body',
    answer.header('contact') !== undefined && 'the answer has a Contact',
  ];
}

/** The last letter an act before this one sent. */
function lastLetter(scene: Scene): Letter {
  const letter = scene.letters.at(-1);
  if (letter === undefined) throw new Error('no message was sent');
  return letter;
}

export const stored: Act = {
  title: 'Bob is away, Alice writes',
  claims: {
    answered: 'answered 202 Accepted, without body and without Contact',
    stored: 'the store holds the message, waiting for Bob',
  },
  play: async (scene) => {
    const text = 'Hello Bob, are we still on for lunch? 🥪\r\n  -- a line with blanks behind it   ';
    const letter = letterOf({ subject: 'Lunch', text, expiresSeconds: 3600, report: true });
    const answer = await scene.send(letter);
    scene.show(scene.alice, 'sent', 'MESSAGE');
    scene.showText(scene.alice, 'received', answer.message);
    scene.claim('answered', wrongAnswer(answer));
    const life = await scene.inState(letter, 'stored');
    const { deferredId, aor } = life.message;
    scene.claim('stored', [aor !== bobUri && `it waits for ${aor}`]);
    scene.say(`Its name in the store is ${deferredId}.`);
  },
};

const contentHeaders = ['content-type', 'content-language', 'content-length', 'date', 'expires'];

export const delivered: Act = {
  title: 'Bob returns',
  claims: {
    body: 'delivered on REGISTER, body equal octet for octet',
    headers: 'content headers, Date and Expires as sent; From still says "Alice"',
    state: 'the message ended as delivered',
  },
  play: async (scene) => {
    const letter = lastLetter(scene);
    const registered = await scene.bob.register();
    if (registered.status !== 200) throw new Error(`REGISTER was answered ${registered.status}`);
    scene.say("Bob's phone registers. At once it rings:");
    const copy = await scene.firstCopy(letter);
    scene.showText(scene.bob, 'received', copy, { bodyLines: 0 });
    const differs = copy.body.equals(letter.body) ? false : bodyDifference(copy.body, letter.body);
    scene.claim('body', [differs]);
    const sent: HeaderFields = {
      'content-type': letter.contentType,
      'content-language': letter.headers['Content-Language'] ?? '',
      'content-length': String(letter.body.length),
      date: letter.headers['Date'] ?? '',
      expires: letter.headers['Expires'] ?? '',
    };
    const changed = contentHeaders.map(
      (name): Problem =>
        copy.header(name) !== sent[name] && `${name} is ${copy.header(name)}, was ${sent[name]}`,
    );
    const from = copy.header('from') ?? '';
    scene.claim('headers', [...changed, !from.startsWith(aliceFrom) && `From is ${from}`]);
    await scene.inState(letter, 'delivered');
    scene.claim('state', [scene.copies(letter).length !== 1 && 'it came more than once']);
  },
};

function bodyDifference(got: Buffer, sent: Buffer): string {
  const at = sent.findIndex((octet, index) => got[index] !== octet);
  return `${got.length} octets for ${sent.length}, first difference at ${at}`;
}

export const survivesKill: Act = {
  title: 'The engine dies between 202 and delivery',
  claims: {
    restarted: 'killed with kill -9 after the 202, restarted: the message is still there',
    once: 'delivered after the restart, exactly once',
  },
  play: async (scene) => {
    const { stage } = scene;
    const subject = 'Umbrella';
    const text = 'It will rain; take one along.';
    const letter = letterOf({ subject, text, expiresSeconds: 3600, report: true });
    const answer = await scene.send(letter);
    if (answer.status !== 202) throw new Error(`the answer is ${answer.status}`);
    const before = stage.enginePid();
    await stage.killEngine();
    scene.say(`Alice has her 202. kill -9 ${before}: the engine is gone, Bob has nothing yet.`);
    const beganMs = performance.now();
    await stage.startEngine();
    const tookMs = Math.round(performance.now() - beganMs);
    scene.say(
      `Started again as process ${stage.enginePid()}; store checked, serving in ${tookMs} ms.`,
    );
    await scene.inState(letter, 'stored');
    scene.claim('restarted', [stage.enginePid() === before && 'it is the same process']);
    await scene.bob.register();
    await scene.firstCopy(letter);
    scene.say(`Bob registers and gets it. Waiting ${onceMs / 1000} s for a second copy…`);
    await scene.quiet(onceMs);
    await scene.inState(letter, 'delivered');
    scene.claim('once', onlyCopy(scene, letter));
  },
};

function onlyCopy(scene: Scene, letter: Letter): readonly Problem[] {
  const copies = scene.copies(letter);
  return [
    copies.length !== 1 && `it came ${copies.length} times`,
    copies[0]?.body.equals(letter.body) === false && 'its body changed',
  ];
}

export const resent: Act = {
  title: 'Alice sends the same message twice',
  claims: {
    answered: 'a resend with the same Message-ID is answered 202 too',
    once: 'one copy was kept, one was delivered',
  },
  play: async (scene) => {
    const text = 'Sent again, to be on the safe side.';
    const letter = letterOf({ subject: 'Twice', text, expiresSeconds: 3600, report: true });
    const first = await scene.send(letter);
    const ids = await scene.storedIds();
    const second = await scene.send(letter);
    scene.say(`Two requests, two Call-IDs, one imdn.Message-ID: ${letter.id}.`);
    scene.showText(scene.alice, 'received', second.message);
    scene.claim('answered', [...wrongAnswer(first), ...wrongAnswer(second)]);
    const kept = (await scene.storedIds()).length - ids.length;
    await scene.bob.register();
    await scene.firstCopy(letter);
    await scene.quiet(onceMs);
    await scene.inState(letter, 'delivered');
    const grew = kept !== 0 && `the store holds ${kept + 1} copies`;
    scene.claim('once', [grew, ...onlyCopy(scene, letter)]);
  },
};

export const forged: Act = {
  title: 'Somebody writes in another name',
  claims: {
    refused: 'a From that is not the authenticated user is refused',
    nothing: 'nothing was stored',
  },
  play: async (scene) => {
    const before = await scene.storedIds();
    scene.say("Alice's agent proves that it is Alice, and writes Bob's address into From:");
    const { headers, contentType, body } = letterOf({
      subject: 'Forged',
      text: 'I never wrote this.',
      expiresSeconds: 3600,
      report: true,
    });
    const from = `"Bob" <${bobUri}>`;
    const answer = await scene.alice.message({ to: bobUri, from, headers, contentType, body });
    scene.show(scene.alice, 'sent', 'MESSAGE', { bodyLines: 0 });
    scene.showText(scene.alice, 'received', answer.message);
    scene.claim('refused', [answer.status !== 403 && `the answer is ${answer.status}`]);
    const after = await scene.storedIds();
    scene.claim('nothing', [after.length !== before.length && 'the store grew']);
  },
};
