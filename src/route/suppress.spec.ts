import { describe, expect, it } from '@jest/globals';
import type { Inhibition, Silence } from '../model/routing.js';
import { parseMatchers } from './parse-matcher.js';
import { Inhibitor, isSource, silencedBy, silenceState } from './suppress.js';

const silence = (id: string, matchers: string, startsAtMs: number, endsAtMs: number): Silence => ({
  id,
  matchers: parseMatchers(matchers),
  startsAtMs,
  endsAtMs,
  createdBy: 'me',
  comment: '',
  updatedAtMs: 0,
});

describe('silences', () => {
  it.each([
    [99, 'pending'],
    [100, 'active'],
    [199, 'active'],
    [200, 'expired'],
  ] as const)('from 100 to 200 at %d: %s', (nowMs, state) => {
    expect(silenceState({ startsAtMs: 100, endsAtMs: 200 }, nowMs)).toBe(state);
  });

  it('hold what they match while they are active', () => {
    const all = [silence('a', 'x=1', 0, 10), silence('b', 'x=~"1|2"', 5, 20), silence('c', 'y!=1', 0, 10)];
    expect(silencedBy({ x: '1' }, all, 7)).toEqual(['a', 'b', 'c']);
    expect(silencedBy({ x: '2', y: '1' }, all, 7)).toEqual(['b']);
    expect(silencedBy({ x: '1' }, all, 12)).toEqual(['b']);
    expect(silencedBy({ x: '3', y: '1' }, all, 7)).toEqual([]);
  });
});

describe('inhibitions', () => {
  const inhibition = (source: string, target: string, equal: string[]): Inhibition => ({
    id: 'i',
    name: 'i',
    source: parseMatchers(source),
    target: parseMatchers(target),
    equal,
  });
  const cases: {
    name: string;
    rule: Inhibition;
    firing: Record<string, string>[];
    labels: Record<string, string>;
    by: string[];
  }[] = [
    {
      name: 'same zone',
      rule: inhibition('s=1', 't=1', ['zone']),
      firing: [{ s: '1', zone: 'a' }],
      labels: { t: '1', zone: 'a' },
      by: ['0'],
    },
    {
      name: 'another zone',
      rule: inhibition('s=1', 't=1', ['zone']),
      firing: [{ s: '1', zone: 'a' }],
      labels: { t: '1', zone: 'b' },
      by: [],
    },
    {
      name: 'no zone on either side',
      rule: inhibition('s=1', 't=1', ['zone']),
      firing: [{ s: '1' }],
      labels: { t: '1' },
      by: ['0'],
    },
    {
      name: 'missing equals empty',
      rule: inhibition('s=1', 't=1', ['zone']),
      firing: [{ s: '1', zone: '' }],
      labels: { t: '1' },
      by: ['0'],
    },
    { name: 'no source', rule: inhibition('s=1', 't=1', []), firing: [{ t: '1' }], labels: { t: '1' }, by: [] },
    { name: 'no target', rule: inhibition('s=1', 't=1', []), firing: [{ s: '1' }], labels: { u: '1' }, by: [] },
    {
      name: 'both sides: not by itself',
      rule: inhibition('s=1', 't=1', []),
      firing: [{ s: '1', t: '1' }],
      labels: { s: '1', t: '1' },
      by: [],
    },
    {
      name: 'both sides: not by another such',
      rule: inhibition('s=1', 't=1', []),
      firing: [{ s: '1', t: '1', n: '2' }],
      labels: { s: '1', t: '1' },
      by: [],
    },
    {
      name: 'both sides: by one that is a source only',
      rule: inhibition('s=1', 't=1', []),
      firing: [{ s: '1', t: '1' }, { s: '1' }],
      labels: { s: '1', t: '1' },
      by: ['1'],
    },
    {
      name: 'a target by one on both sides',
      rule: inhibition('s=1', 't=1', []),
      firing: [{ s: '1', t: '1' }],
      labels: { t: '1' },
      by: ['0'],
    },
    {
      name: 'empty matchers inhibit nothing',
      rule: inhibition('', '', []),
      firing: [{ a: '1' }],
      labels: { b: '1' },
      by: [],
    },
  ];
  it.each(cases)('$name', ({ rule, firing, labels, by }) => {
    const inhibitor = new Inhibitor(
      [rule],
      firing.map((each, index) => ({ id: String(index), labels: each })),
    );
    expect(inhibitor.inhibitedBy(labels)).toEqual(by);
  });

  it('know their sources', () => {
    expect(isSource([inhibition('s=1', 't=1', [])], { s: '1' })).toBe(true);
    expect(isSource([inhibition('s=1', 't=1', [])], { t: '1' })).toBe(false);
  });
});
