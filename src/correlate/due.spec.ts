import { describe, expect, it } from '@jest/globals';
import type { IncidentEvent, IncidentEventKind } from '../model/incident.js';
import { dueComparisons } from './due.js';

const S = 1_000;
const event = (incidentId: string, sequence: number, kind: IncidentEventKind, atS: number) =>
  ({ incidentId, sequence, kind, atMs: atS * S }) as IncidentEvent;

/** All comparisons of a life, window by window: incident, second, and the step whose figures they use. */
function life(events: IncidentEvent[], stepS = 10): string[] {
  const told: string[] = [];
  for (let from = 0; from < 1_000; from += stepS) {
    for (const { event: at, throughMs } of dueComparisons(events, from * S, (from + stepS) * S)) {
      told.push(`${at.incidentId} ${throughMs / S} ${at.sequence}`);
    }
  }
  return told;
}

describe('dueComparisons', () => {
  it.each<[string, IncidentEvent[], string[]]>([
    [
      'at the opening, after one minute and after five',
      [event('a', 1, 'opened', 100)],
      ['a 100 1', 'a 160 1', 'a 400 1'],
    ],
    ['not after its end', [event('a', 1, 'opened', 100), event('a', 2, 'resolved', 300)], ['a 100 1', 'a 160 1']],
    [
      'with the newest figures',
      [event('a', 1, 'opened', 100), event('a', 2, 'escalated', 130)],
      ['a 100 1', 'a 160 2', 'a 400 2'],
    ],
    [
      'anew when it comes back',
      [event('a', 1, 'opened', 100), event('a', 2, 'resolved', 220), event('a', 3, 'reopened', 300)],
      ['a 100 1', 'a 160 1', 'a 300 3', 'a 360 3', 'a 600 3'],
    ],
    [
      'each by itself',
      [event('b', 1, 'opened', 100), event('a', 1, 'opened', 40)],
      ['a 40 1', 'a 100 1', 'b 100 1', 'b 160 1', 'a 340 1', 'b 400 1'],
    ],
    ['nothing without an opening', [event('a', 1, 'resolved', 100)], []],
  ])('%s', (_name, events, expected) => {
    expect(life(events)).toEqual(expected);
    // The same however many windows are worked off at a time.
    expect(life(events, 120)).toEqual(expected);
  });
});
