import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { MAX_PAUSE_MS, ticksOf } from './schedule.js';

const S = 1e9;
const run = (ends: number[], tickNs: number, speed: number) => [
  ...ticksOf(ends.length, (at) => ends[at] ?? 0, tickNs, speed),
];

describe('ticksOf', () => {
  it('cuts on multiples of the tick and paces by the end of each', () => {
    expect(run([0.5 * S, 0.9 * S, 1 * S, 3.2 * S], S, 2)).toEqual([
      { from: 0, to: 2, endNs: 1 * S, dueMs: 250 },
      { from: 2, to: 3, endNs: 2 * S, dueMs: 750 },
      { from: 3, to: 4, endNs: 4 * S, dueMs: 1750 },
    ]);
  });

  it('shortens long silence on the clock, not in event time', () => {
    const [first, second] = run([0, 600 * S], S, 10);
    expect(second).toMatchObject({ endNs: 601 * S, dueMs: (first?.dueMs ?? 0) + MAX_PAUSE_MS });
  });

  it('sends every span once, in order, and never before it ended', () => {
    const ends = fc.array(fc.integer({ min: -50 * S, max: 1000 * S }), { maxLength: 100 });
    fc.assert(
      fc.property(
        ends,
        fc.integer({ min: 1e7, max: 5 * S }),
        fc.integer({ min: 1, max: 100 }),
        (input, tick, speed) => {
          const sorted = input.sort((a, b) => a - b);
          const ticks = run(sorted, tick, speed);
          expect(ticks.flatMap(({ from, to }) => sorted.slice(from, to))).toEqual(sorted);
          let previous = { endNs: -Infinity, dueMs: -1 };
          for (const each of ticks) {
            expect(each.endNs).toBeGreaterThan(sorted[each.to - 1] ?? 0);
            expect(each.endNs - tick).toBeLessThanOrEqual(sorted[each.from] ?? 0);
            expect(each.endNs).toBeGreaterThan(previous.endNs);
            expect(each.dueMs).toBeGreaterThan(previous.dueMs);
            previous = each;
          }
        },
      ),
    );
  });
});
