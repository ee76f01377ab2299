// Access-rules documents: what each part becomes, in which order the rules stand, what is named as saying nothing,
// and that nothing is guessed, however the document is made.
import t from 'tap';
import { readAccessRules } from '../../../adapters/sip/index.js';
import { ruleFor } from '../../../machines/index.js';

const policy = 'urn:ietf:params:xml:ns:common-policy';
const ruleset = (...rules: string[]): string =>
  [
    '<?xml version="1.0" encoding="UTF-8"?>',
    `<cp:ruleset xmlns:cp="${policy}" xmlns="urn:oma:xml:im:rules"`,
    ' xmlns:ocp="urn:oma:xml:xdm:common-policy" xmlns:di="urn:deferred-im:access-rules">',
    ...rules,
    '</cp:ruleset>',
  ].join('\n');
const rule = (conditions: string, actions: string): string =>
  `<cp:rule id="r"><cp:conditions>${conditions}</cp:conditions><cp:actions>${actions}</cp:actions>` +
  '<cp:transformations/></cp:rule>';
const one = (id: string): string => `<cp:identity><cp:one id="${id}"/></cp:identity>`;
const storage = (value: string): string =>
  `<allow-offline-storage>${value}</allow-offline-storage>`;
const handling = (value: string): string => `<di:message-handling>${value}</di:message-handling>`;

const read = (document: string, options = {}) => readAccessRules(Buffer.from(document), options);
function access(document: string, options = {}) {
  const result = read(document, options);
  if (!result.ok) throw new Error(result.finding.message);
  return result.access;
}
function refusal(document: string): string {
  const result = read(document);
  return result.ok ? 'taken' : result.finding.message;
}

const alice = 'sip:alice@example.com';
const denied = { from: '*', action: 'no-storage' } as const;

t.test('allow-offline-storage, and what no rule grants is denied', async (t) => {
  const document = ruleset(
    rule(one(alice), storage('true')),
    rule(one('sip:bert@example.com'), storage(' false ')),
  );
  t.same(access(document), {
    rules: [
      { from: alice, action: 'store' },
      { from: 'sip:bert@example.com', action: 'no-storage' },
      denied,
    ],
    notes: [],
  });
  t.same(access(document, { unmatched: 'deferral' }).rules.at(-1), {
    from: 'sip:bert@example.com',
    action: 'no-storage',
  });
  t.same(
    access(ruleset(rule(one(alice), ''))),
    { rules: [], notes: [] },
    'it never speaks of storage',
  );
  t.same(access(ruleset()), { rules: [], notes: [] });
});

t.test('a grant of any rule is a grant (RFC 4745 section 10)', async (t) => {
  const domain = '<cp:identity><cp:many domain="Example.COM"/></cp:identity>';
  const { rules } = access(ruleset(rule(domain, storage('false')), rule(one(alice), storage('1'))));
  const said = (asserted: string) => ruleFor(rules, { asserted, anonymous: false });
  t.equal(said(alice), 'store');
  t.equal(said('sip:bert@example.com'), 'no-storage');
  t.equal(said('sip:carl@example.net'), 'no-storage');
});

t.test(
  'conditions: one, many with exceptions, nobody named, others, anonymous, none',
  async (t) => {
    const many =
      '<cp:identity><cp:many domain="example.com"><cp:except id="sip:Bert@EXAMPLE.com"/>' +
      '<cp:except domain="example.net"/></cp:many><cp:one id="tel:+15550100"/></cp:identity>';
    t.same(access(ruleset(rule(many, storage('true')))).rules, [
      { from: '@example.com', except: ['sip:Bert@example.com', '@example.net'], action: 'store' },
      { from: 'tel:+15550100', action: 'store' },
      denied,
    ]);
    const every = '<cp:identity><cp:many/></cp:identity>';
    t.same(access(ruleset(rule(every, storage('true')))).rules[0], {
      from: 'authenticated',
      action: 'store',
    });
    const others = ruleset(
      rule(one(alice), storage('false')),
      rule('<ocp:other-identity/>', storage('true')),
      rule('<ocp:anonymous-request/>', storage('true')),
    );
    t.same(access(others).rules, [
      { from: 'anonymous', action: 'store' },
      { from: alice, action: 'no-storage' },
      { from: 'authenticated', action: 'store' },
      denied,
    ]);
    const bare = `<cp:rule id="x"><cp:actions>${storage('true')}</cp:actions></cp:rule>`;
    t.same(access(ruleset(bare)).rules, [{ from: '*', action: 'store' }, denied]);
  },
);

t.test('whoever is named without a grant is none of the others', async (t) => {
  const document = ruleset(rule(one(alice), ''), rule('<ocp:other-identity/>', storage('true')));
  t.equal(ruleFor(access(document).rules, { asserted: alice, anonymous: false }), 'no-storage');
  const bert = { asserted: 'sip:bert@example.com', anonymous: false };
  t.equal(ruleFor(access(document).rules, bert), 'store');
});

t.test('blocking: by reject, openly, politely; it stands before every grant', async (t) => {
  const document = ruleset(
    rule(one(alice), storage('true')),
    rule(one('sip:a@x.example'), '<allow-reject-invite>true</allow-reject-invite>'),
    rule(one('sip:b@x.example'), handling('block')),
    rule(one('sip:c@x.example'), handling('polite-block')),
    rule(one('sip:d@x.example'), '<allow-reject-invite>false</allow-reject-invite>'),
    rule('<ocp:other-identity/>', handling('block')),
  );
  t.same(access(document, { unmatched: 'deferral' }).rules, [
    { from: 'sip:c@x.example', action: 'polite-block' },
    { from: 'sip:a@x.example', action: 'block' },
    { from: 'sip:b@x.example', action: 'block' },
    { from: alice, action: 'store' },
    { from: 'authenticated', action: 'block' },
  ]);
  const both = rule(
    one(alice),
    `${handling('polite-block')}<allow-reject-invite>true</allow-reject-invite>`,
  );
  t.same(access(ruleset(both)).rules, [{ from: alice, action: 'polite-block' }]);
});

t.test('what says nothing here is named, with its place', async (t) => {
  const document = ruleset(
    rule(
      one(alice),
      `${storage('true')}<allow-private-message>true</allow-private-message><allow-auto-answermode>x</allow-auto-answermode>`,
    ),
    rule('<cp:sphere value="work"/>', storage('true')),
    rule(`${one(alice)}<cp:validity/>`, storage('true')),
    '<extra/>',
  );
  const { rules, notes } = access(document);
  t.same(rules, [{ from: alice, action: 'store' }, denied]);
  t.same(
    notes.map(({ path, message }) => `${path} ${message}`),
    [
      'ruleset/rule[1]/actions/allow-private-message has no meaning for messages that are kept',
      'ruleset/rule[1]/actions/allow-auto-answermode has no meaning for messages that are kept',
      'ruleset/rule[2]/conditions asks for a condition that is not understood: the rule never holds',
      'ruleset/rule[3]/conditions asks for several conditions at once: the rule never holds',
      'ruleset/*[4] is no rule',
    ],
  );
});

t.test('what cannot be read refuses the document, and says where', async (t) => {
  const rows: [string, RegExp][] = [
    ['', /an element is missing/],
    ['<ruleset/>', /not a ruleset of common-policy/],
    [`<presence xmlns="${policy}"/>`, /not a ruleset of common-policy/],
    [
      ruleset(rule(one(alice), storage('yes'))),
      /^ruleset\/rule\[1\]\/actions\/allow-offline-storage is neither true nor false/,
    ],
    [ruleset(rule(one(alice), storage('<b/>'))), /holds elements/],
    [
      ruleset(rule(one(alice), ''), rule(one(alice), handling('allow'))),
      /^ruleset\/rule\[2\]\/actions\/message-handling is neither block nor polite-block/,
    ],
    [
      ruleset(rule(one('alice'), storage('true'))),
      /^ruleset\/rule\[1\]\/conditions\/identity\/\*\[1\] names no address or domain/,
    ],
    [ruleset(rule(one('*'), storage('true'))), /names no address or domain/],
    [ruleset(rule('<cp:identity><cp:one/></cp:identity>', '')), /has no id/],
    [ruleset(rule('<cp:identity><cp:some/></cp:identity>', '')), /neither one nor many/],
    [
      ruleset(rule('<cp:identity><cp:many domain="x y"/></cp:identity>', '')),
      /names no address or domain/,
    ],
    [
      ruleset(rule('<cp:identity><cp:many><cp:but/></cp:many></cp:identity>', '')),
      /is no exception/,
    ],
    [ruleset(`<cp:rule><cp:actions/><cp:actions/></cp:rule>`), /has actions twice/],
    [
      ruleset(
        rule(
          `<cp:identity><cp:many>${'<cp:except domain="a.example"/>'.repeat(33)}</cp:many></cp:identity>`,
          '',
        ),
      ),
      /more than 32 exceptions/,
    ],
    [
      ruleset(
        ...Array.from({ length: 256 }, (_, at) =>
          rule(one(`sip:u${at}@x.example`), storage('true')),
        ),
      ),
      /comes to 257 rules/,
    ],
    [
      `<!DOCTYPE ruleset [<!ENTITY x SYSTEM "file:///etc/passwd">]>${ruleset()}`,
      /a tag that is no element/,
    ],
    [ruleset(rule(one('&x;'), storage('true'))), /malformed attributes/],
    [ruleset(`<!-- ${'x'.repeat(10)} -->`), /a tag that is no element/],
    [ruleset().slice(0, -3), /end tag does not match|not closed/],
    [`${'<a>'.repeat(40)}`, /too many elements/],
    [ruleset(' '.repeat(70_000)), /too large/],
  ];
  for (const [document, expected] of rows)
    t.match(refusal(document), expected, document.slice(0, 60));
});

t.test('P2 P3 no entity expands, nothing is fetched, a billion laughs is refused', async (t) => {
  const laughs =
    '<!DOCTYPE lolz [<!ENTITY a "ha"><!ENTITY b "&a;&a;">]><ruleset xmlns="urn:ietf:params:xml:ns:common-policy">&b;</ruleset>';
  t.match(refusal(laughs), /a tag that is no element/);
  t.match(refusal(ruleset('&b;')), /malformed character data/);
  t.same(access(ruleset('&#38;&amp;')).rules, []);
});

t.test('the reading stays linear up to 64 KiB, prefixes bound everywhere included', async (t) => {
  const fill = (octets: number): string => {
    const bound = Array.from({ length: octets / 64 }, (_, at) => `xmlns:p${at}="u"`).join(' ');
    const child = '<x xmlns:q="u"/>';
    const inner = child.repeat(Math.trunc((octets - bound.length - 300) / child.length));
    return ruleset(`<y ${bound}>${inner}</y>`);
  };
  const cost = (octets: number): number => {
    const document = Buffer.from(fill(octets));
    let least = Number.POSITIVE_INFINITY;
    for (let round = 0; round < 15; round += 1) {
      const begun = process.hrtime.bigint();
      readAccessRules(document);
      least = Math.min(least, Number(process.hrtime.bigint() - begun));
    }
    return least;
  };
  cost(16_384);
  const [small, large] = [cost(16_384), cost(65_000)];
  t.ok(large < small * 12, `16 KiB in ${small} ns, 64 KiB in ${large} ns`);
});
