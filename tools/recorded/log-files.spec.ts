import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, it } from '@jest/globals';
import { readLogs } from './log-files.js';
import { LOG_HEADERS, type ReadCounts } from './span-files.js';
import { SpanTable } from './span-table.js';

const folder = mkdtempSync(path.join(tmpdir(), 'recorded-logs-'));
afterAll(() => rmSync(folder, { recursive: true }));
const TRACE = 'ffc8ca7e4c8f06c75142c880d5595d96';
const SPAN = '439bc949a9eeb0cc';
const POD = 'ts-travel-service-64469b5b48-25zj6';

async function read(lines: string[]) {
  const spans = new SpanTable();
  spans.add({
    traceId: TRACE,
    spanId: SPAN,
    parentId: '',
    service: 'ts-travel-service',
    operation: 'o',
    pod: POD,
    startNs: 1000n,
    endNs: 9000n,
  });
  const file = path.join(folder, 'logs.csv');
  writeFileSync(file, lines.join('\n'));
  const counts: ReadCounts = { duplicates: 0, invalid: 0 };
  return { logs: await readLogs(file, spans, counts), counts };
}
const expected = { traceId: TRACE, spanId: SPAN, service: 'ts-travel-service', pod: POD };

describe('readLogs', () => {
  it('reads its own layout; a line with an impossible time was written when its span ended', async () => {
    const { logs, counts } = await read([
      LOG_HEADERS.own,
      `${TRACE},${SPAN},5000,${POD},"INFO a, ""b"""`,
      `${TRACE},${SPAN},-6795364578871345152,${POD},ERROR c`,
      `${TRACE},${'0'.repeat(15)}1,5000,${POD},no such span`,
    ]);
    expect(logs).toEqual([
      { ...expected, timeNs: 5000n, body: 'INFO a, "b"' },
      { ...expected, timeNs: 9000n, body: 'ERROR c' },
    ]);
    expect(counts).toMatchObject({ invalid: 1, firstInvalid: expect.stringMatching(/logs\.csv:4$/) });
  });

  it("reads Nezha's: text out of the container's record, without the ids printed into it", async () => {
    const record = JSON.stringify({
      log: `16:42:22.382 INFO  t.s.Travel#532 TraceID: ${TRACE} SpanID: ${SPAN} [Route is: {"a": 1}]\n`,
      stream: 'stdout',
    }).replaceAll('"', '""');
    const line = (text: string): string =>
      `2023-01-29T08:42:22Z,5000,33.33.33.116,${POD},server,${TRACE},${SPAN},${text}`;
    const { logs } = await read([LOG_HEADERS.nezha, line(`"${record}"`), line('plain'), line('{broken')]);
    expect(logs.map(({ body }) => body)).toEqual([
      '16:42:22.382 INFO  t.s.Travel#532 [Route is: {"a": 1}]',
      'plain',
      '{broken',
    ]);
    expect(logs[0]).toMatchObject({ ...expected, timeNs: 5000n });
  });
});
