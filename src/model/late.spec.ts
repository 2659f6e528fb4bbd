import { describe, expect, it } from '@jest/globals';
import { asJudged, LATE_WINDOWS } from './late.js';
import { emptyRollup, type WindowMeasure } from './rollup.js';
import { WINDOW_MS } from './window.js';

/** In each window operation 1 has 100 spans and its number, in time; of operation 2 as many, of which `late` came later. */
const windows = (count: number, late: (no: number) => number): WindowMeasure[] =>
  Array.from({ length: count }, (_, no) => ({
    windowAtMs: no * WINDOW_MS,
    n: 1,
    traces: 1,
    sampledTraces: 1,
    duplicateSpans: 0,
    rollups: [1, 2].map((id) => ({
      ...emptyRollup(id, no * WINDOW_MS),
      n: 100 + no,
      ...(id === 2 && late(no) > 0 ? { lateN: late(no) } : {}),
    })),
    edges: [1, 2].map((callerId) => ({
      ...{ callerId, calleeId: 3, windowAtMs: no * WINDOW_MS, calls: 100 + no, errors: 0 },
      gap: emptyRollup(1, 0).latency,
    })),
    events: [1, 2, 0].map((operationId) => ({ templateId: 9, operationId, n: 100 + no, spans: 1, exemplars: [] })),
  }));
const seen = ({ rollups, edges, events }: WindowMeasure): unknown => ({
  n: rollups.map(({ operationId, n }) => `${operationId}: ${n}`),
  calls: edges.map(({ callerId, calls }) => `${callerId}: ${calls}`),
  events: events!.map(({ operationId, n }) => `${operationId}: ${n}`),
});

describe('asJudged', () => {
  const all = 12 + LATE_WINDOWS;

  it('is the newest windows as they are while nobody is late with half of the spans', () => {
    const given = windows(all, (no) => (100 + no) / 2 - 1);
    const judged = asJudged(given, 12);
    expect(judged).toHaveLength(12);
    judged.forEach((window, i) => expect(window).toBe(given[i + LATE_WINDOWS]));
  });

  it('puts what late operations did, called and wrote where it is judged', () => {
    // The newest six have not got their late spans yet.
    const judged = asJudged(
      windows(all, (no) => (no < 12 ? 60 : 0)),
      12,
    );
    expect(judged.map(({ windowAtMs }) => windowAtMs / WINDOW_MS)).toEqual(Array.from({ length: 12 }, (_, i) => 6 + i));
    expect(seen(judged.at(-1)!)).toEqual({
      n: ['1: 117', '2: 111'],
      calls: ['1: 117', '2: 111'],
      events: ['1: 117', '0: 117', '2: 111'],
    });
    expect(seen(judged[0]!)).toMatchObject({ n: ['1: 106', '2: 100'] });
  });

  it('is the same window again for the next judgement, unless somebody else is late', () => {
    const given = windows(all + 1, (no) => (no < 13 ? 60 : 0));
    const first = asJudged(given.slice(0, -1), 12);
    const second = asJudged(given.slice(1), 12);
    expect(second[0]).toBe(first[1]);
    expect(second.at(-2)).toBe(first.at(-1));
  });

  it('leaves out what lies before the windows that are given', () => {
    expect(
      seen(
        asJudged(
          windows(9, () => 60),
          12,
        )[0]!,
      ),
    ).toMatchObject({ n: ['1: 100'] });
    expect(asJudged([], 12)).toEqual([]);
  });
});
