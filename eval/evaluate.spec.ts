import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, it } from '@jest/globals';
import { findDatasets } from '../tools/recorded/datasets.js';
import { readRecording } from '../tools/recorded/recording.js';
import { KNOWN_HEADERS } from '../tools/recorded/span-files.js';
import { evaluate } from './evaluate.js';
import { streamSums } from './figures.js';
import { lookText } from './look.js';
import { datasetText } from './report.js';

// Twenty minutes of two requests a second: web calls cart and pay. From minute 14 to 17 one of them is slow.
const START_MS = Date.UTC(2024, 0, 5, 10);
const FAULT_MS = START_MS + 14 * 60_000 + 3_000;
const MINUTES = 20;

interface Line {
  traceId: string;
  spanId: string;
  parentId: string;
  service: string;
  operation: string;
  startUs: number;
  durationUs: number;
}

/** Spans in a strange order, as in the recordings; `slow` is the service that is slow. */
function traffic(slow: string): Line[] {
  const lines: Line[] = [];
  for (let i = 0; i < MINUTES * 120; i++) {
    const atUs = (START_MS + i * 500) * 1000;
    const isFault = atUs >= FAULT_MS * 1000 && atUs < (FAULT_MS + 180_000) * 1000;
    const noise = 0.8 + 0.4 * ((i * 0.618034) % 1);
    const own = (service: string): number => Math.round(10_000 * noise * (isFault && service === slow ? 8 : 1));
    const traceId = (0xabc0000 + i).toString(16).padStart(32, '1');
    const id = (no: number): string => (i * 8 + no).toString(16).padStart(16, '2');
    let cursor = atUs + own('web');
    const calls = ['cart', 'pay'].map((service, no) => {
      const startUs = cursor;
      cursor += own(service) + 1000;
      const child = { traceId, parentId: id(0), spanId: id(1 + no), service: 'web', operation: `call ${service}` };
      return [
        { ...child, startUs, durationUs: own(service) + 1000 },
        {
          traceId,
          parentId: id(1 + no),
          spanId: id(4 + no),
          service,
          operation: 'Handle',
          startUs: startUs + 500,
          durationUs: own(service),
        },
      ];
    });
    const root = { traceId, spanId: id(0), parentId: '', service: 'web', operation: 'GET /' };
    lines.push(...calls.flat(), { ...root, startUs: atUs, durationUs: cursor - atUs });
  }
  return lines.reverse();
}

const POD: Record<string, string> = {
  web: 'web-579b9bff58-t2dbm',
  cart: 'cart-579f59597d-wc2lz',
  pay: 'pay-0',
};
const [OWN_HEADER, NEZHA_HEADER] = KNOWN_HEADERS;
const own = (line: Line): string =>
  `${line.traceId},${line.spanId},${line.parentId},${line.service},${line.operation},${line.startUs}000,${line.durationUs},${POD[line.service]}`;
const nezha = (line: Line): string =>
  `${line.traceId},${line.spanId},${line.parentId || 'root'},${POD[line.service]},${line.operation},${line.startUs}000,${line.startUs + line.durationUs}000,${line.durationUs}`;
const iso = (ms: number): string => new Date(ms).toISOString();
const ownFaults = (service: string): string =>
  JSON.stringify([{ start: iso(FAULT_MS), end: iso(FAULT_MS + 180_000), service, type: 'cpu' }]);
const nezhaFaults = (service: string): string =>
  JSON.stringify({
    '10': [{ inject_time: iso(FAULT_MS).slice(0, 19).replace('T', ' '), inject_pod: POD[service], inject_type: 'cpu' }],
  });

const folder = mkdtempSync(path.join(tmpdir(), 'eval-layouts-'));
afterAll(() => rmSync(folder, { recursive: true }));
function put(name: string, lines: readonly string[]): void {
  mkdirSync(path.dirname(path.join(folder, name)), { recursive: true });
  writeFileSync(path.join(folder, name), `${lines.join('\n')}\n`);
}
const lines = traffic('cart');
const early = lines.filter((line) => line.startUs < FAULT_MS * 1000);
const late = lines.filter((line) => line.startUs >= FAULT_MS * 1000);

put('own/shop_spans.csv', [OWN_HEADER, ...lines.map(own)]);
put('own/faults.json', [ownFaults('cart')]);
put('wrong/shop_spans.csv', [OWN_HEADER, ...lines.map(own)]);
put('wrong/faults.json', [ownFaults('pay')]);
put('nezha/rca_data/2024-01-05/trace/10_14_trace.csv', [NEZHA_HEADER, ...late.map(nezha)]);
put('nezha/rca_data/2024-01-05/2024-01-05-fault_list.json', [nezhaFaults('cart')]);
put('nezha/construct_data/2024-01-05/trace/10_00_trace.csv', [NEZHA_HEADER, ...early.map(nezha)]);

put('trastrainer/data/dataset/shop/test/trace/10_00_trace.csv', [NEZHA_HEADER, ...lines.map(nezha)]);
const [labels] = Object.values(JSON.parse(nezhaFaults('cart')) as Record<string, unknown>);
put('trastrainer/data/dataset/shop/test/label.json', [JSON.stringify(labels)]);

async function evaluated(name: string) {
  const { datasets } = await findDatasets(path.join(folder, name));
  expect(datasets).toHaveLength(1);
  const everything = { fromMs: null, toMs: null, limitMinutes: null };
  const recording = await readRecording(datasets[0]!, everything, datasets[0]!.faultsFile, () => undefined);
  return evaluate(datasets[0]!.name, recording, null, () => undefined);
}

describe('evaluate', () => {
  it.each(['own', 'nezha', 'trastrainer'])(
    'finds a slow service in the layout "%s", in both columns',
    async (layout) => {
      const { result } = await evaluated(layout);
      expect(result).toMatchObject({ spans: lines.length, services: 3, operations: 5 });
      expect(result.given).toEqual([
        expect.objectContaining({ judged: true, rank: 1, first: expect.objectContaining({ service: 'cart' }) }),
      ]);
      const [fault] = result.stream.results;
      expect(fault).toMatchObject({ toldRank: 1, laterRank: 1, finalRank: 1, alarms: 1, noticedBy: 'opened' });
      expect(fault?.noticedAfterS).toBeGreaterThan(0);
      expect(fault?.noticedAfterS).toBeLessThanOrEqual(40);
      expect(result.stream.falseAlarms).toEqual([]);
    },
  );

  it('holds a verdict against the label, not against itself', async () => {
    const everything = await evaluated('wrong');
    expect(everything.result.given[0]?.rank).not.toBe(1);
    expect(everything.result.stream.results[0]?.toldRank).not.toBe(1);
    const [all] = streamSums(everything.result.stream, everything.result.services);
    expect([all?.told.as[1].k, all?.noticed.k]).toEqual([0, 1]);
    expect(datasetText(everything.result)).toContain('pay');
    expect(lookText(everything, 0)).toMatch(/latency.*web\/call cart/);
    expect(lookText(everything, 1)).toContain('has 1 faults');
  });
});
