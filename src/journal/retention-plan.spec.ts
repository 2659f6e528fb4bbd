import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { HOUR_MS } from '../model/window.js';
import { type JournalHour, type RetentionPolicy, planRetention } from './retention-plan.js';

const NOW = 1_000 * HOUR_MS + 30 * 60_000;
const POLICY: RetentionPolicy = { ordinaryHours: 24, anomalousHours: 168, maxBytes: 0, keptMaxBytes: 1_000 };
/** An hour that began `ago` hours ago, written to while it lasted. */
const hour = (ago: number, more: Partial<JournalHour> = {}): JournalHour => ({
  hourMs: (1_000 - ago) * HOUR_MS,
  lastWrittenMs: (1_000 - ago + 1) * HOUR_MS - 1,
  reducedMs: null,
  bytes: 100,
  ...more,
});
const reduced = (ago: number, more: Partial<JournalHour> = {}) =>
  hour(ago, { reducedMs: NOW - HOUR_MS, bytes: 5, ...more });
const planned = (hours: JournalHour[], policy: Partial<RetentionPolicy> = {}) =>
  planRetention(hours, { ...POLICY, ...policy }, NOW).steps.map(
    ({ hourMs, action, reason }) => `${1_000 - hourMs / HOUR_MS} ${action} ${reason}`,
  );

describe('planRetention', () => {
  it.each<{ name: string; hours: JournalHour[]; policy?: Partial<RetentionPolicy>; expected: string[] }>([
    { name: 'young hours stay', hours: [hour(0), hour(1), hour(23), hour(24)], expected: [] },
    {
      name: 'old hours are reduced',
      hours: [hour(24), hour(26), hour(100)],
      expected: ['100 reduce age', '26 reduce age'],
    },
    { name: 'not twice', hours: [reduced(26)], expected: [] },
    {
      name: 'again when spans came late',
      hours: [reduced(50, { reducedMs: NOW - 40 * HOUR_MS, lastWrittenMs: NOW - 30 * HOUR_MS })],
      expected: ['50 reduce age'],
    },
    { name: 'not while spans come late', hours: [hour(50, { lastWrittenMs: NOW - 1_000 })], expected: [] },
    { name: 'very old hours go', hours: [reduced(170), hour(170)], expected: ['170 drop age'] },
    {
      name: 'without an age of their own, anomalous traces go with the others',
      hours: [hour(26), hour(1)],
      policy: { anomalousHours: 24 },
      expected: ['26 drop age'],
    },
    {
      name: 'oldest first for space',
      hours: [hour(0), hour(3), hour(5), hour(4)],
      policy: { maxBytes: 250 },
      expected: ['5 reduce space', '4 reduce space'],
    },
    {
      name: 'dropped whole for space when nothing is kept longer',
      hours: [hour(0), hour(5)],
      policy: { maxBytes: 150, anomalousHours: 0 },
      expected: ['5 drop space'],
    },
    {
      name: 'never the current hours, nor one that is written to',
      hours: [hour(0), hour(1), hour(9, { lastWrittenMs: NOW - 60_000 })],
      policy: { maxBytes: 1 },
      expected: [],
    },
    {
      name: 'what was kept goes last',
      hours: [hour(0), hour(3), reduced(40), reduced(50)],
      policy: { maxBytes: 105 },
      expected: ['50 drop space', '3 reduce space'],
    },
    {
      name: 'what was kept has a limit of its own',
      hours: [reduced(40), reduced(50), reduced(60), hour(3)],
      policy: { keptMaxBytes: 10 },
      expected: ['60 drop space'],
    },
  ])('$name', ({ hours, policy, expected }) => {
    expect(planned(hours, policy)).toEqual(expected);
  });

  it('says what it could not free', () => {
    expect(planRetention([hour(0), hour(5)], { ...POLICY, maxBytes: 60 }, NOW).missingBytes).toBe(40);
    expect(planRetention([hour(0)], POLICY, NOW).missingBytes).toBe(0);
  });

  it('touches each hour once, and takes for space no more than it must', () => {
    const anHour = fc
      .tuple(fc.nat(200), fc.nat(50), fc.boolean())
      .map(([ago, bytes, isReduced]) => (isReduced ? reduced : hour)(ago, { bytes }));
    fc.assert(
      fc.property(fc.uniqueArray(anHour, { selector: ({ hourMs }) => hourMs }), fc.nat(2_000), (hours, maxBytes) => {
        const { steps } = planRetention(hours, { ...POLICY, maxBytes, keptMaxBytes: 1e9 }, NOW);
        expect(new Set(steps.map(({ hourMs }) => hourMs)).size).toBe(steps.length);
        const forSpace = steps.filter(({ reason }) => reason === 'space');
        if (maxBytes === 0) expect(forSpace).toEqual([]);
        const bytesOf = (hourMs: number) => hours.find((each) => each.hourMs === hourMs)!.bytes;
        const byAge = new Set(steps.filter(({ reason }) => reason === 'age').map(({ hourMs }) => hourMs));
        const before = hours.filter(({ hourMs }) => !byAge.has(hourMs)).reduce((sum, { bytes }) => sum + bytes, 0);
        const freed = forSpace.map(({ hourMs }) => bytesOf(hourMs));
        const most = freed.length === 0 ? 0 : Math.max(...freed);
        if (freed.length > 0)
          expect(before - freed.reduce((a, b) => a + b, 0)).toBeGreaterThan(maxBytes - 2 * most - 1);
      }),
    );
  });
});
