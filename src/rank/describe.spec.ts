import { describe, expect, it } from '@jest/globals';
import { emptyRollup, type WindowMeasure } from '../model/rollup.js';
import { exemplarsOf } from './describe.js';

function window(at: number, meanUs: number, errors: number, names: { slowest?: string[]; failed?: string[] }) {
  const rollup = {
    ...emptyRollup(7, at),
    n: 100,
    errors,
    durationSumUs: 100 * meanUs,
    slowest: [],
    failed: [],
    ...names,
  };
  const measure: WindowMeasure = {
    windowAtMs: at,
    n: 100,
    traces: 100,
    sampledTraces: 100,
    duplicateSpans: 0,
    rollups: [rollup],
    edges: [],
  };
  return measure;
}

describe('exemplarsOf', () => {
  it('takes slow traces from the windows that were slow, not from those after the repair', () => {
    const windows = [
      window(0, 300_000, 0, { slowest: ['a', 'b', 'c'] }),
      window(10_000, 310_000, 1, { slowest: ['d', 'e'], failed: ['background'] }),
      window(20_000, 4_000, 1, { slowest: ['healthy'], failed: ['background too'] }),
    ];
    expect(exemplarsOf([7], windows)).toEqual(['background', 'd', 'e', 'a', 'b']);
  });

  it('takes failed traces from the windows that failed, the newest first when they are alike', () => {
    const windows = [
      window(0, 5_000, 50, { failed: ['a'] }),
      window(10_000, 5_000, 50, { failed: ['b'] }),
      window(20_000, 5_100, 0, { slowest: ['healthy'] }),
    ];
    expect(exemplarsOf([7], windows)).toEqual(['b', 'a', 'healthy']);
  });

  it('knows nothing of other operations', () => {
    expect(exemplarsOf([8], [window(0, 5_000, 50, { failed: ['a'] })])).toEqual([]);
  });
});
