import { describe, expect, it } from '@jest/globals';
import type { Finding, FindingReason } from '../model/anomaly.js';
import type { Affected } from '../model/incident.js';
import type { Cause } from '../model/cause.js';
import { MINUTE_MS } from '../model/window.js';
import { excludedOperations } from './exclude.js';

const NOW = 100 * MINUTE_MS;
const known = new Map([
  [1, { windows: 300 }],
  [2, { windows: 300 }],
  [3, { windows: 12 }],
]);
const incident = (fromMinute: number, toMinute: number | null) => ({
  startedMs: fromMinute * MINUTE_MS,
  resolvedMs: toMinute === null ? null : toMinute * MINUTE_MS,
  affected: [{ operationId: 1 } as Affected],
  causes: [{ operationId: 2 } as Cause],
});
const finding = (operationId: number, minute: number, reason: FindingReason = 'raised') =>
  ({ operationId, windowAtMs: minute * MINUTE_MS, raised: reason === 'raised', reason }) as Finding;

describe('excludedOperations', () => {
  const table: { name: string; incidents: ReturnType<typeof incident>[]; findings: Finding[]; want: number[] }[] = [
    { name: 'nothing', incidents: [], findings: [], want: [] },
    { name: 'an incident under way', incidents: [incident(95, null)], findings: [], want: [1, 2] },
    { name: 'one that ended in this minute', incidents: [incident(95, 100.5)], findings: [], want: [1, 2] },
    { name: 'one that ended before', incidents: [incident(95, 100)], findings: [], want: [] },
    { name: 'one that begins later', incidents: [incident(101, null)], findings: [], want: [] },
    {
      name: 'one that has lasted half an hour is the new normal',
      incidents: [incident(70, null)],
      findings: [finding(1, 100)],
      want: [],
    },
    {
      name: 'one that has lasted longer than its normal was seen is the new normal too',
      incidents: [{ ...incident(93, null), causes: [{ operationId: 3 } as Cause] }],
      findings: [],
      want: [1],
    },
    {
      name: 'a verdict in this minute or the next',
      incidents: [],
      findings: [finding(5, 100), finding(6, 101.5), finding(7, 102), finding(8, 99)],
      want: [5, 6],
    },
    {
      name: 'all that were judged together',
      incidents: [],
      findings: [{ ...finding(5, 100), pooled: [5, 6, 7] }],
      want: [5, 6, 7],
    },
    { name: 'not what was held back as harmless', incidents: [], findings: [finding(5, 100, 'seasonal')], want: [] },
    {
      name: 'what was held back for want of evidence',
      incidents: [],
      findings: [finding(5, 100, 'not_significant'), finding(6, 101, 'learning')],
      want: [5, 6],
    },
    {
      name: 'not what has looked odd for five minutes',
      incidents: [],
      findings: [95, 96, 97.5, 98, 99, 100].map((minute) => finding(5, minute, 'not_persistent')),
      want: [],
    },
    {
      name: 'what has looked odd for four',
      incidents: [],
      findings: [95, 96, 98, 99, 100].map((minute) => finding(5, minute, 'not_persistent')),
      want: [5],
    },
  ];
  it.each(table)('$name', ({ incidents, findings, want }) =>
    expect([...excludedOperations(incidents, findings, known, NOW)].toSorted()).toEqual(want),
  );
});
