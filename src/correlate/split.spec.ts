import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { POSTED_ERROR, type Posting } from '../model/posting.js';
import { interleaved, type Split, splitTraces, TRACES_A_SIDE, valuesOf } from './split.js';

const id = (n: number) => n.toString(16).padStart(32, '0');
/** Values of traces numbered from `from` on. */
const traces = (from: number, values: readonly number[]) => new Map(values.map((value, i) => [id(from + i), value]));
const times = (n: number, value: number) => Array.from({ length: n }, () => value);
const range = (n: number, start = 0) => Array.from({ length: n }, (_, i) => start + i);

function posting(spans: readonly { trace: number; us?: number; failed?: boolean; tag?: number }[]): Posting {
  return {
    operationId: 1,
    windowAtMs: 0,
    n: spans.length,
    durationUs: Float64Array.from(spans, ({ us }) => us ?? 0),
    endOffsetUs: new Uint32Array(spans.length),
    flags: Uint8Array.from(spans, ({ failed }) => (failed ? POSTED_ERROR : 0)),
    spanTag: Uint32Array.from(spans, ({ tag }, i) => tag ?? i),
    weight: null,
    traceId: (i) => id(spans[i]!.trace),
  };
}

describe('valuesOf', () => {
  const own = [
    posting([
      { trace: 1, us: 5 },
      { trace: 2, us: 7, failed: true },
    ]),
    posting([
      { trace: 1, us: 9, tag: 5 },
      { trace: 1, us: 9, tag: 5 },
    ]),
  ];
  it('takes the slowest span, any failure, or calls per span with copies counted once', () => {
    expect([...valuesOf('slow', own, [])]).toEqual([
      [id(1), 9],
      [id(2), 7],
    ]);
    expect([...valuesOf('failed', own, [])]).toEqual([
      [id(1), 0],
      [id(2), 1],
    ]);
    const calls = [posting([{ trace: 1, tag: 8 }, { trace: 1, tag: 8 }, { trace: 1, tag: 9 }, { trace: 3 }])];
    expect([...valuesOf('repeating_call', own, calls)]).toEqual([
      [id(1), 1],
      [id(2), 0],
    ]);
  });
});

describe('splitTraces', () => {
  const split = (...args: Parameters<typeof splitTraces>) => splitTraces(...args) as Split;

  it('finds the threshold between two speeds', () => {
    const before = traces(0, range(100, 50));
    const during = traces(1_000, [...range(60, 60), ...range(40, 400)]);
    const found = split('slow', during, before);
    expect(found.bad.toSorted()).toEqual(range(40, 1_060).map(id));
    expect(found.good.toSorted()).toEqual(range(60, 1_000).map(id));
    expect(found.goodFrom).toBe('during');
  });

  it('takes good traces from before when hardly any is left', () => {
    const before = traces(0, range(100, 50));
    const all = split('slow', traces(1_000, range(100, 400)), before);
    expect(all).toMatchObject({ goodFrom: 'before' });
    expect(all.good).toHaveLength(100);
    const most = split('slow', traces(1_000, [...range(35, 60), ...range(965, 400)]), before);
    expect(most.goodFrom).toBe('during_and_before');
    expect(most.good).toHaveLength(135);
    expect(most.bad).toHaveLength(TRACES_A_SIDE);
  });

  it('parts failures, missing calls, repeated calls and a surge', () => {
    const during = traces(1_000, [...times(40, 1), ...times(60, 0)]);
    expect(split('failed', during, new Map()).bad).toHaveLength(40);
    expect(split('lacking_call', during, traces(0, times(50, 1))).bad).toHaveLength(60);
    expect(
      split('repeating_call', traces(1_000, [...times(40, 12), ...times(60, 1)]), traces(0, times(50, 1))).bad,
    ).toHaveLength(40);
    expect(split('now', during, traces(0, times(50, 0)))).toMatchObject({ goodFrom: 'before' });
    // Half of the calls are missing in each, and none in any before.
    expect(split('lacking_call', traces(1_000, times(20, 2)), traces(0, times(50, 4))).goodFrom).toBe('before');
  });

  it.each([
    ['few bad', 'failed', [...times(7, 1), ...times(60, 0)], [], 'only 7 bad traces'],
    ['no good', 'failed', times(50, 1), times(7, 0), 'only 7 good traces'],
    ['no past', 'slow', times(50, 1), [1, 2], 'only 2 traces before it began'],
    ['no difference', 'slow', range(100), range(100), 'its traces are hardly different from those before'],
    ['faster', 'slow', range(100), range(100, 50), 'its traces are hardly different from those before'],
  ] as const)('gives a reason: %s', (_name, bad, during, before, reason) => {
    expect(splitTraces(bad, traces(1_000, during), traces(0, before))).toBe(reason);
  });

  it('does not depend on the order of the traces', () => {
    const values = fc.array(fc.integer({ min: 0, max: 500 }), { minLength: 20, maxLength: 60 });
    fc.assert(
      fc.property(values, values, (now, past) => {
        const [during, before] = [traces(1_000, now), traces(0, past)];
        const turned = (of: Map<string, number>) => new Map([...of].reverse());
        expect(splitTraces('slow', turned(during), turned(before))).toEqual(splitTraces('slow', during, before));
      }),
    );
  });

  it('takes turns when reading', () => {
    expect(interleaved({ bad: ['a', 'b', 'c'], good: ['x'] })).toEqual(['a', 'x', 'b', 'c']);
  });
});
