import { describe, expect, it } from '@jest/globals';
import type { Finding } from '../model/anomaly.js';
import { emptyOperationBaseline } from '../model/baseline.js';
import { Histogram } from '../model/histogram.js';
import type { Operation } from '../model/operation.js';
import type { Rollup } from '../model/rollup.js';
import { isOnlyUnseen, withoutCommonSurge } from './telemetry.js';

const of = (n: number, us: number): Histogram => {
  const h = new Histogram();
  h.add(us, n);
  return h;
};

describe('isOnlyUnseen', () => {
  const operation = (id: number, serviceId: number, kind: number): [number, Operation] => [
    id,
    { id, serviceId, service: `s${serviceId}`, name: 'call', kind },
  ];
  const operations = new Map([operation(1, 1, 3), operation(2, 2, 2), operation(3, 1, 1), operation(4, 1, 2)]);
  const usual = { ...emptyOperationBaseline(), n: 100, errors: 1, latency: of(100, 50_000) };
  const gone = (callerId: number, operationId: number): Finding =>
    ({ signal: 'calls', direction: 'down', callerId, operationId }) as Finding;
  const client = (us: number, errors = 0) => [{ latency: of(20, us), errors } as Rollup];
  const table: { name: string; finding: Finding; windows: Rollup[]; want: boolean }[] = [
    { name: 'answered as ever', finding: gone(1, 2), windows: client(52_000), want: true },
    { name: 'the client waits longer', finding: gone(1, 2), windows: client(5_000_000), want: false },
    { name: 'the client gives up at once', finding: gone(1, 2), windows: client(500), want: false },
    { name: 'the client fails', finding: gone(1, 2), windows: client(50_000, 10), want: false },
    { name: 'a call within the service', finding: gone(4, 3), windows: client(50_000), want: false },
    { name: 'the client is not seen either', finding: gone(1, 2), windows: [], want: false },
  ];
  it.each(table)('$name: $want', ({ finding, windows, want }) =>
    expect(isOnlyUnseen(finding, operations, usual, windows)).toBe(want),
  );
});

describe('withoutCommonSurge', () => {
  const traffic = (ratio: number): Finding =>
    ({
      signal: 'traffic',
      direction: ratio > 1 ? 'up' : 'down',
      observed: 100 * ratio,
      expected: 100,
      raised: true,
      reason: 'raised',
    }) as Finding;
  const raised = (ratios: number[], entries: number): number =>
    withoutCommonSurge(
      ratios.map((ratio) => traffic(ratio)),
      entries,
    ).filter((finding) => finding.raised).length;
  const table: { name: string; ratios: number[]; entries: number; want: number }[] = [
    { name: 'all four entries five times as busy', ratios: [5, 5.2, 4.6, 5], entries: 4, want: 0 },
    { name: 'one of four', ratios: [5], entries: 4, want: 1 },
    { name: 'all, but not alike', ratios: [3, 12, 5, 7], entries: 4, want: 4 },
    { name: 'there are only two', ratios: [5, 5], entries: 2, want: 2 },
    { name: 'all gone may be an outage', ratios: [0.1, 0.1, 0.1], entries: 3, want: 3 },
  ];
  it.each(table)('$name', ({ ratios, entries, want }) => expect(raised(ratios, entries)).toBe(want));
});
