import { describe, expect, it } from '@jest/globals';
import type { Finding } from '../model/anomaly.js';
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
const finding = (operationId: number, minute: number, raised = true) =>
  ({ operationId, windowAtMs: minute * MINUTE_MS, raised }) as Finding;

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
    { name: 'not what was held back', incidents: [], findings: [finding(5, 100, false)], want: [] },
  ];
  it.each(table)('$name', ({ incidents, findings, want }) =>
    expect([...excludedOperations(incidents, findings, known, NOW)].toSorted()).toEqual(want),
  );
});
