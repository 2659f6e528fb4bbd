import { describe, expect, it } from '@jest/globals';
import type { AlertFigures } from '../model/alert.js';
import type { Recurrence } from '../model/recurrence.js';
import { announces, heldByRecurrence, recur, recurrenceKey } from './frequent.js';

const HOUR_MS = 3_600_000;
const SETTING = { times: 4, withinS: 24 * 3_600, forS: 6 * 3_600 };
const figures = (observed: number): AlertFigures => ({ observed, expected: 100, unit: 'us', n: 10 });
const alert = (atMs: number, more: { severity?: string; observed?: number } = {}) => ({
  ruleId: 'rule',
  labels: { alertname: 'Slow', service: 'cart', incident: `i${atMs}`, severity: more.severity ?? 'warning' },
  figures: figures(more.observed ?? 200),
  firedAtMs: atMs,
  activeAtMs: atMs,
});

/** Plays begins at these hours; says of each whether it is told (t), told with a word (w) or held (h). */
function play(begins: (number | [hour: number, more: { severity?: string; observed?: number }])[]): string {
  let known: Recurrence | null = null;
  let said = '';
  for (const each of begins) {
    const [hour, more] = typeof each === 'number' ? [each, {}] : each;
    const now = alert(hour * HOUR_MS, more);
    known = recur(known, now, hour * HOUR_MS, SETTING);
    said += heldByRecurrence(known, now, hour * HOUR_MS) ? 'h' : announces(known, now) ? 'w' : 't';
  }
  return said;
}

describe('an alert that keeps coming back', () => {
  it.each<[string, Parameters<typeof play>[0], string]>([
    [
      'is told with a word, then held until the time is over, then told with a word again',
      [0, 1, 2, 3, 4, 8, 9, 10],
      'tttwhhwh',
    ],
    ['is told each time when it does not come that often', [0, 10, 20, 30, 40], 'ttttt'],
    ['did not come back when it flaps or storms', [0, 0.01, 0.05, 0.1, 0.15], 'ttttt'],
    [
      'breaks through with a higher severity, and is held again after that',
      [0, 1, 2, 3, [4, { severity: 'critical' }], 5],
      'tttwth',
    ],
    [
      'breaks through when it is twice as bad as ever',
      [0, 1, [2, { observed: 400 }], 3, [4, { observed: 700 }], [5, { observed: 800 }]],
      'tttwht',
    ],
  ])('%s', (_name, begins, expected) => {
    expect(play(begins)).toBe(expected);
  });

  it('counts what was held', () => {
    let known: Recurrence | null = null;
    for (let hour = 0; hour < 8; hour++) known = recur(known, alert(hour * HOUR_MS), hour * HOUR_MS, SETTING);
    expect(known).toMatchObject({ held: 4, mute: { times: 4, untilMs: 9 * HOUR_MS } });
    expect(known!.beginsMs).toHaveLength(8);
  });

  it('is known by rule and labels, whatever its incident and severity; what others send is not', () => {
    expect(recurrenceKey(alert(1))).toBe(recurrenceKey(alert(2, { severity: 'critical' })));
    expect(recurrenceKey({ ...alert(1), ruleId: 'other' })).not.toBe(recurrenceKey(alert(1)));
    expect(recurrenceKey({ ...alert(1), ruleId: null })).toBeNull();
  });
});
