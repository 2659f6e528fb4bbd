import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { HOUR_MS, MINUTE_MS, WINDOW_MS } from '../model/window.js';
import { type Compacted, piecesOf } from './grain.js';

const at = (time: string): number => Date.parse(`2026-03-01T${time}Z`);
const text = (from: string, to: string, compacted: [string, string] | null): string[] =>
  piecesOf(at(from), at(to), compacted && { sinceMs: at(compacted[0]), throughMs: at(compacted[1]) }).map(
    ({ grain, fromMs, toMs }) =>
      `${grain} ${new Date(fromMs).toISOString().slice(11, 19)}-${new Date(toMs).toISOString().slice(11, 19)}`,
  );

describe('piecesOf', () => {
  it.each([
    {
      name: 'nothing compacted',
      period: ['10:00:10', '10:05:10'],
      compacted: null,
      expected: ['rollups 10:00:10-10:05:10'],
    },
    {
      name: 'minutes within',
      period: ['10:00:10', '10:05:20'],
      compacted: ['09:00:00', '10:05:20'],
      expected: ['rollups 10:00:10-10:01:00', 'minute_rollups 10:01:00-10:05:00', 'rollups 10:05:00-10:05:20'],
    },
    {
      name: 'hours within minutes within windows',
      period: ['09:58:50', '12:01:10'],
      compacted: ['01:00:00', '23:00:00'],
      expected: [
        'rollups 09:58:50-09:59:00',
        'minute_rollups 09:59:00-10:00:00',
        'hour_rollups 10:00:00-12:00:00',
        'minute_rollups 12:00:00-12:01:00',
        'rollups 12:01:00-12:01:10',
      ],
    },
    {
      name: 'compaction began within: that hour is not whole',
      period: ['10:00:00', '12:00:00'],
      compacted: ['10:30:00', '12:00:00'],
      expected: ['rollups 10:00:00-10:30:00', 'minute_rollups 10:30:00-11:00:00', 'hour_rollups 11:00:00-12:00:00'],
    },
  ] as const)('$name', ({ period, compacted, expected }) => {
    expect(text(period[0], period[1], compacted && [compacted[0], compacted[1]])).toEqual(expected);
  });

  it('covers the period without gap or overlap, and reads nothing that is not compacted', () => {
    const windows = fc.nat(3 * 360);
    fc.assert(
      fc.property(windows, windows, windows, windows, (a, b, since, through) => {
        const [fromMs, toMs] = [Math.min(a, b) * WINDOW_MS, Math.max(a, b) * WINDOW_MS];
        const compacted: Compacted = { sinceMs: since * WINDOW_MS, throughMs: through * WINDOW_MS };
        let reached = fromMs;
        for (const piece of piecesOf(fromMs, toMs, compacted)) {
          expect(piece.fromMs).toBe(reached);
          expect(piece.toMs).toBeGreaterThan(piece.fromMs);
          reached = piece.toMs;
          if (piece.grain === 'rollups') continue;
          const unitMs = piece.grain === 'hour_rollups' ? HOUR_MS : MINUTE_MS;
          expect([piece.fromMs % unitMs, piece.toMs % unitMs]).toEqual([0, 0]);
          expect(piece.fromMs >= compacted.sinceMs && piece.toMs <= compacted.throughMs).toBe(true);
        }
        expect(reached).toBe(toMs);
      }),
    );
  });
});
