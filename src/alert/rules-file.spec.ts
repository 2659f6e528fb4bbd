import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { stringify } from 'yaml';
import type { RuleValues, StoredRule } from '../model/rule.js';
import { checkedRule, RuleInput } from './rules-contract.js';
import { asFile, changedFields, inFile, parseRulesFile, planOf, RulesFileInvalid, withChannels } from './rules-file.js';

const OPS = { id: '6f0e7f5a-6a0c-4a7e-9a0f-0d1f5c1e2a3b', name: 'ops' };
const SLOW = { type: 'threshold', name: 'slow', services: ['cart'], measure: 'p99', above: 500 };

const valuesOf = (...rules: object[]): RuleValues[] =>
  withChannels(parseRulesFile(JSON.stringify({ rules })), [OPS]).rules;
const stored = (input: object, change: Partial<StoredRule> = {}): StoredRule =>
  ({ ...valuesOf(input)[0]!, id: 'r1', tenantId: 1, epoch: 1, source: 'api', ...change }) as StoredRule;

function problemsOf(text: string): readonly string[] {
  try {
    parseRulesFile(text);
  } catch (error) {
    if (error instanceof RulesFileInvalid) return error.problems;
    throw error;
  }
  return [];
}

describe('a rules file', () => {
  it('is YAML or JSON, and names channels by name or by id', () => {
    const yaml = `
rules:
  - { name: everything, services: ['*'] }
  - { name: mine, services: [cart], channels: [ops] }
  - { name: other, services: [cart], channels: ['${OPS.id.toUpperCase()}', gone] }`;
    const { rules, unknown } = withChannels(parseRulesFile(yaml), [OPS]);
    expect(rules.map(({ name, channelIds }) => ({ name, channelIds }))).toEqual([
      { name: 'everything', channelIds: null },
      { name: 'mine', channelIds: [OPS.id] },
      { name: 'other', channelIds: [OPS.id] },
    ]);
    expect(unknown).toEqual([{ rule: 'other', channel: 'gone' }]);
    expect(valuesOf({ ...SLOW, channelIds: [OPS.id] })[0]?.channelIds).toEqual([OPS.id]);
  });

  it('says of every rule that cannot be used which field is at fault', () => {
    const rules = [
      SLOW,
      { ...SLOW, name: 'x', window: '15s' },
      SLOW,
      { name: 'y', services: ['*'], channels: 'ops' },
      { name: 'z', services: ['*'], channels: ['ops'], channelIds: [OPS.id] },
      7,
    ];
    expect(problemsOf(JSON.stringify({ rules }))).toEqual([
      'rules.1 (x): window: must be a multiple of 10s, the length of a window',
      'rules.2 (slow): name: another rule has that name',
      'rules.3 (y): channels: must be a list of names (or ids) of channels',
      'rules.4 (z): channels: give either channels or channelIds',
      'rules.5: must be a rule',
    ]);
    expect(problemsOf('a: b: c')[0]).toContain('line 1');
    expect(problemsOf('[]')).toEqual(['rules: must be a list of rules']);
    expect(problemsOf('{ rules: [], groups: [] }')[0]).toContain('groups: is not known');
    expect(problemsOf(JSON.stringify({ rules: Array.from({ length: 501 }, () => SLOW) }))[0]).toContain('501');
  });

  it('comes back as it was when it is written and read', () => {
    const [rule] = valuesOf({ ...SLOW, channels: ['ops'], labels: { team: 'a' } });
    const written = inFile({ ...rule!, id: 'x', tenantId: 1, epoch: 3, source: 'api' }, [OPS]);
    expect(written).toMatchObject({ channels: ['ops'], labels: { team: 'a' } });
    for (const field of ['id', 'tenantId', 'epoch', 'source', 'channelIds']) expect(written).not.toHaveProperty(field);
    expect(valuesOf(written)).toEqual([rule]);
    expect(changedFields(written, { ...written, above: 501 })).toEqual([{ field: 'above', before: 500, after: 501 }]);
  });
});

describe('export and apply', () => {
  it('take a burn rate that promises so little that rows of the usual table cannot be reached', () => {
    const burn = { type: 'burn_rate', name: 'burn', services: [], objective: 0.9 };
    const [rule] = valuesOf(burn);
    expect(rule).toMatchObject({ windows: [{ long: '6h' }, { long: '3d' }] });
    expect(valuesOf(inFile(rule!, []))).toEqual([rule]);
    expect(problemsOf(JSON.stringify({ rules: [{ ...burn, period: '366d' }] }))[0]).toContain(
      'objective: promises too little',
    );
  });

  const word = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 12 });
  const wordLike = fc.oneof(
    word,
    fc.constantFrom('yes', 'null', '~', '1e3', '0x1f', '- a', 'a: b', '#', "it's", 'a\nb'),
  );
  const glob = fc.oneof(wordLike, fc.constantFrom('*', 'c?rt*', '&a', '!x', '|', '>'));
  const label = fc.stringMatching(/^[a-zA-Z_][a-zA-Z0-9_]{0,5}$/);
  const channels = [
    OPS,
    { id: '0b54a7a6-8d4e-4e63-9be6-0c7d7f6f1a11', name: 'on call: *' },
    { id: '1b54a7a6-8d4e-4e63-9be6-0c7d7f6f1a11', name: OPS.id },
  ];
  const elsewhere = channels.map(({ name }, i) => ({ id: `2b54a7a6-8d4e-4e63-9be6-0c7d7f6f1a1${i}`, name }));
  const common = {
    name: wordLike,
    enabled: fc.boolean(),
    services: fc.array(glob, { minLength: 1, maxLength: 3 }),
    operations: fc.array(glob, { maxLength: 2 }),
    channelIds: fc.option(fc.subarray(channels.map(({ id }) => id))),
    labels: fc.dictionary(label, wordLike, { maxKeys: 3 }),
    annotations: fc.dictionary(wordLike, wordLike, { maxKeys: 3 }),
    runbookUrl: fc.constantFrom(null, 'https://wiki.test/a#b?c=%20'),
    activeHours: fc.constantFrom(null, {
      timeZone: 'Europe/Berlin',
      ranges: [{ days: ['monday'], from: '08:30', to: '24:00' }],
    }),
  };
  const types = [
    {
      type: fc.constant('anomaly'),
      sensitivity: fc.constantFrom('low', 'high'),
      budgetPerWeek: fc.constantFrom(null, 0.5, 7),
    },
    {
      type: fc.constant('threshold'),
      measure: fc.constant('p99'),
      above: fc.double({ min: 0, max: 1e9, noNaN: true }),
      for: fc.constantFrom('0s', '1h30m'),
    },
    { type: fc.constant('burn_rate'), objective: fc.constantFrom(0.9, 0.999), period: fc.constantFrom('30d', '7d') },
    {
      type: fc.constant('trace_match'),
      where: fc.array(
        fc.record({
          attributes: fc.array(fc.record({ key: wordLike, value: fc.oneof(wordLike, fc.integer(), fc.boolean()) }), {
            maxLength: 2,
          }),
        }),
        { minLength: 1, maxLength: 2 },
      ),
    },
    { type: fc.constant('absence'), nOfM: fc.constantFrom(null, { n: 2, m: 5 }) },
    {
      type: fc.constant('structural'),
      change: fc.constant('new_call'),
      calleeServices: fc.array(glob, { maxLength: 2 }),
    },
  ].map((own) => fc.record({ ...common, ...own } as unknown as Record<string, fc.Arbitrary<unknown>>));
  const rule = fc.oneof(...types).filter((input) => RuleInput.safeParse(input).success);

  it('of whatever the API takes come to the same elsewhere, where channels of the same names have other ids', () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(rule, { selector: ({ name }) => name, maxLength: 4 }),
        fc.boolean(),
        (inputs, isJson) => {
          const here = inputs.map((input, i) => ({
            ...checkedRule(input),
            id: `${i}`,
            tenantId: 1,
            epoch: 1,
            source: 'api' as const,
          }));
          const exported = asFile(here, channels);
          const text = isJson ? JSON.stringify(exported) : stringify(exported);
          const { rules, unknown } = withChannels(parseRulesFile(text), elsewhere);
          expect(unknown).toEqual([]);
          const there = rules.map((values, i) => ({
            ...values,
            id: `x${i}`,
            tenantId: 2,
            epoch: 1,
            source: 'api' as const,
          }));
          expect(asFile(there, elsewhere)).toEqual(exported);
          const again = withChannels(parseRulesFile(stringify(exported)), elsewhere).rules;
          there.forEach((before, i) =>
            expect(changedFields(inFile(before, elsewhere), inFile(again[i]!, elsewhere))).toEqual([]),
          );
        },
      ),
    );
  });
});

describe('what a file changes', () => {
  it.each([
    ['nothing of a rule that is as the file has it', [stored(SLOW, { source: 'file' })], [SLOW], {}],
    ['makes what is not there', [], [SLOW], { create: ['slow'] }],
    ['takes over a rule of that name', [stored(SLOW)], [SLOW], { replace: [{ id: 'r1', isOther: false }] }],
    [
      'begins anew only when the meaning is another',
      [stored(SLOW, { source: 'file' })],
      [{ ...SLOW, above: 501 }],
      { replace: [{ id: 'r1', isOther: true }] },
    ],
    [
      'keeps what is known when only words change',
      [stored(SLOW, { source: 'file' })],
      [{ ...SLOW, annotations: { a: 'b' } }],
      { replace: [{ id: 'r1', isOther: false }] },
    ],
    ['deletes what it had and has no more', [stored(SLOW, { source: 'file' })], [], { deleteIds: ['r1'] }],
    ['leaves rules of the API alone', [stored(SLOW)], [], {}],
  ])('%s', (_name, there, wanted, expected) => {
    const { create, replace, deleteIds } = planOf(there, valuesOf(...wanted));
    expect({
      create: create.map(({ name }) => name),
      replace: replace.map(({ id, isOther }) => ({ id, isOther })),
      deleteIds,
    }).toEqual({ create: [], replace: [], deleteIds: [], ...expected });
  });
});
