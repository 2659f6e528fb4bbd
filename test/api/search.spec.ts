import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import * as systemContract from '../../src/query/system-contract.js';
import * as tracesContract from '../../src/query/traces-contract.js';
import { openQueriedService, type QueriedService } from './queried-service.js';
import type { QueryRows } from './query-rows.js';

const traceId = (n: number) => n.toString(16).padStart(32, '0');

let opened: QueriedService | undefined;
let service: QueriedService['service'];
let db: QueriedService['db'];
let rows: QueryRows;

beforeAll(async () => {
  opened = await openQueriedService('trace search');
  ({ service, db, rows } = opened);
});
afterAll(() => opened?.close());

interface Sent {
  trace: number;
  endMs: number;
  ms?: number;
  name?: string;
  isError?: boolean;
  attributes?: Record<string, string>;
}

async function send(key: string, name: string, spans: Sent[]): Promise<void> {
  const attribute = ([of, stringValue]: [string, string]) => ({ key: of, value: { stringValue } });
  const body = {
    resourceSpans: [
      {
        resource: { attributes: [attribute(['service.name', name]), attribute(['host.name', 'h1'])] },
        scopeSpans: [
          {
            spans: spans.map(({ trace, endMs, ms = 10, name: operation = 'GET /', isError, attributes = {} }, i) => ({
              traceId: traceId(trace),
              spanId: (trace * 1_000 + i + 1).toString(16).padStart(16, '0'),
              name: operation,
              kind: 2,
              startTimeUnixNano: String(BigInt(endMs - ms) * 1_000_000n),
              endTimeUnixNano: String(BigInt(endMs) * 1_000_000n),
              status: isError ? { code: 2 } : {},
              attributes: Object.entries(attributes).map(attribute),
            })),
          },
        ],
      },
    ],
  };
  const response = await fetch(`${service.otlpUrl}/v1/traces`, {
    method: 'POST',
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  expect({ status: response.status, body: await response.text() }).toEqual({ status: 200, body: '{}' });
}

async function get(key: string, query: string): Promise<{ status: number; body: unknown }> {
  const response = await fetch(`${service.apiUrl}/api/v1/traces${query}`, {
    headers: { authorization: `Bearer ${key}` },
  });
  return { status: response.status, body: await response.json() };
}

/** The answer, which must be what the contract says and nothing more. */
async function find(key: string, query = ''): Promise<tracesContract.TraceList> {
  const { status, body } = await get(key, query);
  expect({ query, status, body }).toMatchObject({ query, status: 200 });
  const parsed = tracesContract.TraceList.parse(body);
  expect(parsed).toEqual(body);
  return parsed;
}

const idsOf = ({ traces }: tracesContract.TraceList) => traces.map((trace) => trace.traceId);

describe('GET /api/v1/traces', () => {
  it('finds by every filter and shows the trace', async () => {
    const { key } = await rows.tenant('filters', ['read', 'ingest']);
    const endMs = Date.now() - 60_000;
    await send(key, 'cart', [
      { trace: 1, endMs, ms: 200, isError: true, attributes: { user: 'a b&c=d' } },
      { trace: 1, endMs: endMs - 50, ms: 20, name: 'redis' },
      { trace: 2, endMs: endMs - 100, ms: 20 },
    ]);
    const all = [1, 2].map(traceId);
    const cases: [string, string[]][] = [
      ['', all],
      ['?service=cart', all],
      ['?service=cart&operation=redis', [traceId(1)]],
      ['?operation=GET%20%2F&maxDurationUs=20000', [traceId(2)]],
      ['?minDurationUs=200000', [traceId(1)]],
      ['?kind=server', all],
      ['?kind=client', []],
      ['?status=error', [traceId(1)]],
      ['?attribute=user%3Da%20b%26c%3Dd', [traceId(1)]],
      ['?attribute=user%3Da%20b%26c%3Dd&attribute=resource.host.name%3Dh1', [traceId(1)]],
      ['?attribute=user%3Da%20b%26c%3Dd&attribute=resource.host.name%3Dh2', []],
      [`?from=${new Date(endMs - 60).toISOString()}`, [traceId(1)]],
      [`?to=${new Date(endMs - 60).toISOString()}`, [traceId(2)]],
    ];
    for (const [query, ids] of cases) {
      const answer = await find(key, query);
      expect({ query, ids: idsOf(answer), next: answer.nextCursor, isComplete: answer.isComplete }).toEqual({
        query,
        ids,
        next: null,
        isComplete: true,
      });
    }
    expect((await find(key, '?status=error')).traces).toEqual([
      {
        traceId: traceId(1),
        rootService: 'cart',
        rootOperation: 'GET /',
        startedAt: new Date(endMs - 200).toISOString(),
        durationUs: 200_000,
        spans: 2,
        errors: 1,
        services: [{ name: 'cart', spans: 2, errors: 1 }],
        matches: 1,
        matched: [
          { spanId: '00000000000003e9', service: 'cart', operation: 'GET /', durationUs: 200_000, isError: true },
        ],
      },
    ]);
  });

  it('covers the hour before the watermark, up to the newest span, unless told otherwise', async () => {
    const { key } = await rows.tenant('period', ['read', 'ingest']);
    const nowMs = Date.now();
    const hourMs = 3_600_000;
    await send(key, 'a', [{ trace: 1, endMs: nowMs - 3 * hourMs - 1 }]);
    await send(key, 'a', [{ trace: 2, endMs: nowMs - 2.5 * hourMs }]);
    await send(key, 'b', [{ trace: 3, endMs: nowMs - 2 * hourMs }]);
    await send(key, 'c', [{ trace: 4, endMs: nowMs - 2 * hourMs + 60_000 }]);
    await untilSeen(3);
    const answer = await find(key);
    expect(idsOf(answer)).toEqual([4, 3, 2].map(traceId));
    expect(Date.parse(answer.searched.from)).toBe(nowMs - 3 * hourMs);
    expect(idsOf(await find(key, `?to=${new Date(nowMs - 2.2 * hourMs).toISOString()}`))).toEqual([2, 1].map(traceId));
    expect(idsOf(await find(key, `?from=1970-01-01T00:00:00Z`))).toEqual([4, 3, 2, 1].map(traceId));
  });

  it('pages with the period of the first page, whatever arrives meanwhile', async () => {
    const { key } = await rows.tenant('pages', ['read', 'ingest']);
    const endMs = Date.now() - 60_000;
    await send(
      key,
      'cart',
      Array.from({ length: 9 }, (_, i) => ({ trace: i + 1, endMs: endMs + (i % 3) })),
    );
    const seen: string[] = [];
    let cursor: string | null = null;
    let page = 0;
    do {
      const answer: tracesContract.TraceList = await find(key, `?limit=2${cursor ? `&cursor=${cursor}` : ''}`);
      expect(answer.isComplete).toBe(true);
      seen.push(...idsOf(answer));
      cursor = answer.nextCursor;
      await new Promise((resolve) => setTimeout(resolve, 5));
      await send(key, 'cart', [{ trace: 100 + page++, endMs: endMs + 5 }]);
    } while (cursor !== null && page < 20);
    expect(seen).toEqual([9, 6, 3, 8, 5, 2, 7, 4, 1].map(traceId));
  });

  it('shows a tenant nothing of another, and needs the scope read', async () => {
    const owner = await rows.tenant('search owner', ['read', 'ingest']);
    const other = await rows.tenant('search other', ['read']);
    const ingester = await rows.tenant('search ingester', ['ingest']);
    await send(
      owner.key,
      'cart',
      Array.from({ length: 3 }, (_, i) => ({ trace: i + 1, endMs: Date.now() - 1_000 })),
    );
    const first = await find(owner.key, '?limit=1&service=cart');
    expect(first.traces).toHaveLength(1);
    for (const query of ['', '?service=cart', `?cursor=${first.nextCursor}`, '?from=1970-01-01T00:00:00Z']) {
      expect(await find(other.key, query)).toMatchObject({ traces: [], nextCursor: null, searched: { spans: 0 } });
    }
    expect((await get(ingester.key, '')).status).toBe(403);
  });

  it.each([
    { query: 'limit=0', field: 'limit' },
    { query: 'limit=101', field: 'limit' },
    { query: 'kind=3', field: 'kind' },
    { query: 'status=ok', field: 'status' },
    { query: 'minDurationUs=-1', field: 'minDurationUs' },
    { query: 'minDurationUs=', field: 'minDurationUs' },
    { query: 'maxDurationUs=1e3', field: 'maxDurationUs' },
    { query: 'minDurationUs=2&maxDurationUs=1', field: 'maxDurationUs' },
    { query: 'attribute=user', field: 'attribute' },
    { query: 'attribute=%3Da', field: 'attribute' },
    { query: 'service=a%00', field: 'service' },
    { query: 'operation=', field: 'operation' },
    { query: 'from=2026-03-01T12:00:00Z&to=2026-03-01T11:00:00Z', field: 'to' },
    { query: 'cursor=e30', field: 'cursor' },
    { query: 'services=a', field: 'services' },
  ])('answers $query with 400 and the field $field', async ({ query, field }) => {
    const { key } = await rows.tenant(`search ${query}`, ['read']);
    const { status, body } = await get(key, `?${query}`);
    expect({ status, body }).toMatchObject({ status: 400, body: { error: { field: expect.stringContaining(field) } } });
    expect(systemContract.ErrorView.parse(body)).toEqual(body);
  });
});

/** Waits until the clocks of so many services of the newest tenant are written. */
async function untilSeen(services: number): Promise<void> {
  for (let tries = 0; tries < 100; tries++) {
    const { rows: found } = await db.query<{ n: number }>(
      `select count(*)::int4 as n from event_clocks where tenant_id = (select max(tenant_id) from event_clocks)`,
    );
    if (found[0]!.n >= services) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error('no event clocks were written');
}
