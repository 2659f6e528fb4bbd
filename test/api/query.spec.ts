import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { z } from 'zod';
import { DEFAULT_POLICY } from '../../src/model/policy.js';
import * as findingsContract from '../../src/query/findings-contract.js';
import * as incidentsContract from '../../src/query/incidents-contract.js';
import * as servicesContract from '../../src/query/services-contract.js';
import * as systemContract from '../../src/query/system-contract.js';
import * as tracesContract from '../../src/query/traces-contract.js';
import { createTestDatabase } from '../support/database.js';
import { startService } from '../support/service.js';
import { openQueriedService, type QueriedService } from './queried-service.js';
import type { QueryRows } from './query-rows.js';

const ZERO_INCIDENT = '00000000-0000-4000-8000-000000000000';
const TRACE = '0af7651916cd43dd8448eb211c80319c';
const SHORT_TRACE = 'b7ad6b7169203331';

let opened: QueriedService | undefined;
let service: QueriedService['service'];
let db: QueriedService['db'];
let rows: QueryRows;

beforeAll(async () => {
  opened = await openQueriedService('query');
  ({ service, db, rows } = opened);
});
afterAll(() => opened?.close());

async function get(path: string, key: string): Promise<{ status: number; body: unknown; text: string }> {
  const response = await fetch(`${service.apiUrl}${path}`, { headers: { authorization: `Bearer ${key}` } });
  const text = await response.text();
  const isJson = response.headers.get('content-type')?.includes('json') ?? false;
  return { status: response.status, body: isJson ? JSON.parse(text) : null, text };
}

/** The answer, which must be what the contract says and nothing more. */
async function read<T extends z.ZodType>(path: string, key: string, schema: T): Promise<z.output<T>> {
  const { status, body } = await get(path, key);
  expect({ path, status, body }).toMatchObject({ path, status: 200 });
  const parsed = schema.parse(body);
  expect(parsed).toEqual(body);
  return parsed;
}

const newTenant = (name: string) => rows.tenant(name, ['read']);

describe('tenants', () => {
  it('see nothing of one another', async () => {
    const owner = await rows.tenant('owner', ['read', 'ingest']);
    const other = await newTenant('other');
    const operationId = await rows.operation(owner.tenantId, 'cart', 'GetCart');
    await rows.clocks(owner.tenantId, '2026-03-01T11:00:00Z', '2026-03-01T12:00:00Z', '2026-03-01T12:00:00Z');
    await rows.rollup(owner.tenantId, operationId, '2026-03-01T11:59:00Z', [1000]);
    await rows.seen(owner.tenantId, 'cart', '2026-03-01T12:00:00Z');
    await rows.finding(owner.tenantId, { windowAt: '2026-03-01T11:59:00Z', operationId });
    await rows.spanCounts(owner.tenantId, { received: 1, stored: 1 });
    const incidentId = await rows.incident(owner.tenantId, { openedAt: '2026-03-01T12:00:00Z' });
    await rows.told(owner.tenantId, incidentId);
    await sendSpan(owner.key, TRACE);

    const missing = [`/api/v1/incidents/${incidentId}`, `/api/v1/traces/${TRACE}`];
    for (const path of missing) {
      expect({ path, status: (await get(path, owner.key)).status }).toEqual({ path, status: 200 });
      const { status, body } = await get(path, other.key);
      expect({ path, status }).toEqual({ path, status: 404 });
      expect(systemContract.ErrorView.parse(body).error.code).toBe('not_found');
    }
    expect(await read('/api/v1/incidents', other.key, incidentsContract.IncidentList)).toEqual({
      incidents: [],
      nextCursor: null,
    });
    expect(await read('/api/v1/anomalies', other.key, findingsContract.AnomalyList)).toEqual({
      anomalies: [],
      nextCursor: null,
    });
    expect(await read('/api/v1/services', other.key, servicesContract.ServiceList)).toEqual({
      period: null,
      services: [],
    });
    expect(await read('/api/v1/operations', other.key, servicesContract.OperationList)).toEqual({
      period: null,
      operations: [],
      total: 0,
    });
    expect(await read('/api/v1/pipeline', other.key, systemContract.PipelineView)).toEqual({
      watermark: null,
      closedThrough: null,
      stages: { measure: null, baseline: null, detect: null, rank: null, incident: null, correlate: null },
      retention: { wholeSince: expect.anything(), droppedForSpace: null },
      undecidedEvents: 0,
      setAsideEvents: 0,
      pendingNotifications: 0,
    });
    const metrics = await get('/metrics', other.key);
    expect(metrics.text).toContain('tracehound_spans_received_total 0');
    expect((await read('/api/v1/incidents', owner.key, incidentsContract.IncidentList)).incidents).toHaveLength(1);
    expect((await read('/api/v1/services', owner.key, servicesContract.ServiceList)).services).toHaveLength(1);
  });

  it('need the scope read', async () => {
    const { key } = await rows.tenant('ingester', ['ingest']);
    for (const path of ['incidents', `incidents/${ZERO_INCIDENT}`, 'anomalies', 'services', 'operations', 'pipeline']) {
      expect({ path, status: (await get(`/api/v1/${path}`, key)).status }).toEqual({ path, status: 403 });
    }
    expect((await get(`/api/v1/traces/${TRACE}`, key)).status).toBe(403);
    expect((await get('/metrics', key)).status).toBe(403);
    expect((await fetch(`${service.apiUrl}/metrics`)).status).toBe(401);
  });
});

describe('GET /api/v1/incidents', () => {
  it('pages without gap or repeat, also where instants are equal or differ by a microsecond', async () => {
    const { tenantId, key } = await newTenant('pager');
    const openedAt = (i: number) => (i % 3 === 0 ? '2026-03-01T12:00:00Z' : `2026-03-01T12:00:00.00000${i % 10}Z`);
    const ids = await Promise.all(
      Array.from({ length: 23 }, (_, i) => rows.incident(tenantId, { openedAt: openedAt(i) })),
    );
    const seen: string[] = [];
    let cursor: string | null = null;
    do {
      const from: string = cursor === null ? '' : `&cursor=${encodeURIComponent(cursor)}`;
      const page: incidentsContract.IncidentList = await read(
        `/api/v1/incidents?limit=4${from}`,
        key,
        incidentsContract.IncidentList,
      );
      seen.push(...page.incidents.map((incident) => incident.id));
      cursor = page.nextCursor;
    } while (cursor !== null && seen.length < 100);
    expect(seen).toHaveLength(ids.length);
    expect(new Set(seen)).toEqual(new Set(ids));
    const { rows: expected } = await db.query<{ id: string }>(
      `select id from incidents where tenant_id = $1 order by opened_at desc, id`,
      [tenantId],
    );
    expect(seen).toEqual(expected.map((row) => row.id));
  });

  it('ends with a null cursor when the last page is full', async () => {
    const { tenantId, key } = await newTenant('full page');
    await rows.incident(tenantId, { openedAt: '2026-03-01T12:00:00Z' });
    await rows.incident(tenantId, { openedAt: '2026-03-01T12:00:00Z' });
    const page = await read('/api/v1/incidents?limit=2', key, incidentsContract.IncidentList);
    expect([page.incidents.length, page.nextCursor]).toEqual([2, null]);
  });

  it('filters by state, service and time', async () => {
    const { tenantId, key } = await newTenant('filters');
    const over = await rows.incident(tenantId, {
      startedAt: '2026-03-01T09:59:00Z',
      openedAt: '2026-03-01T10:00:00Z',
      resolvedAt: '2026-03-01T10:30:00Z',
      service: 'cart',
      cause: 'db',
    });
    const open = await rows.incident(tenantId, { openedAt: '2026-03-01T11:00:00Z', service: 'O\'Brien "%_\\' });
    const cases = [
      { query: '', expected: [open, over] },
      { query: 'state=open', expected: [open] },
      { query: 'state=resolved', expected: [over] },
      { query: 'state=recovering', expected: [] },
      { query: 'service=cart', expected: [over] },
      { query: 'service=db', expected: [over] },
      { query: 'service=car', expected: [] },
      { query: `service=${encodeURIComponent('O\'Brien "%_\\')}`, expected: [open] },
      { query: 'from=2026-03-01T10:30:00Z', expected: [open, over] },
      { query: 'from=2026-03-01T10:30:00.001Z', expected: [open] },
      { query: 'to=2026-03-01T11:00:00Z', expected: [over] },
      { query: `to=${encodeURIComponent('2026-03-01T12:00:00.001+01:00')}`, expected: [open, over] },
      { query: 'from=2026-03-01T10:10:00Z&to=2026-03-01T10:20:00Z', expected: [over] },
      { query: 'to=2026-03-01T09:59:00Z', expected: [] },
    ];
    for (const { query, expected } of cases) {
      const { incidents } = await read(`/api/v1/incidents?${query}`, key, incidentsContract.IncidentList);
      expect({ query, ids: incidents.map((each) => each.id) }).toEqual({ query, ids: expected });
    }
  });

  it('shows one incident with events, decisions and deliveries', async () => {
    const { tenantId, key } = await newTenant('detail');
    const id = await rows.incident(tenantId, { openedAt: '2026-03-01T12:00:10Z', service: 'shop', cause: 'cart' });
    await rows.told(tenantId, id);
    const incident = await read(`/api/v1/incidents/${id.toUpperCase()}`, key, incidentsContract.IncidentDetailView);
    expect(incident).toMatchObject({
      id,
      state: 'open',
      severity: 'warning',
      openedAt: '2026-03-01T12:00:10.000Z',
      resolvedAt: null,
      causes: [{ service: 'cart', score: 0.92, evidence: [{ kind: 'self_time', n: 118 }] }],
      affected: [{ service: 'shop', since: '2026-03-01T12:00:10.000Z' }],
      events: [{ sequence: 1, kind: 'opened', at: '2026-03-01T12:00:10.000Z', reason: 'deviates', undecided: null }],
      decisions: [{ sequence: 1, ruleName: 'all', send: true, reason: 'opened', channelIds: [expect.any(String)] }],
      deliveries: [
        {
          channelName: 'on call',
          state: 'sent',
          sentAt: '2026-03-01T12:00:13.500Z',
          nextAttemptAt: null,
          attempts: [
            { attempt: 1, status: null, outcome: 'retry', reason: 'connection refused' },
            { attempt: 2, status: 204, outcome: 'sent', tookMs: 41 },
          ],
        },
      ],
    });
    expect(incident.title).toContain('shop');
    expect(incident).toMatchObject({ compared: null, comparisonReason: null, correlations: [] });
  });

  it('names what evidence is about, and how many rare operations were judged together', async () => {
    const { tenantId, key } = await newTenant('evidence');
    const of = { service: 'stock', operation: 'rows <b>of</b> *a table*' };
    const id = await rows.incident(tenantId, { openedAt: '2026-03-01T12:00:10Z', evidenceOf: of, pooledOperations: 4 });
    const plain = await rows.incident(tenantId, { openedAt: '2026-03-01T12:00:20Z' });
    const shown = await read(`/api/v1/incidents/${id}`, key, incidentsContract.IncidentDetailView);
    expect(shown.causes[0]!.evidence[0]!.of).toEqual(of);
    expect(shown.affected[0]!.pooledOperations).toBe(4);
    expect(shown.title).toContain('judged with 3 other rare operations');
    const list = await read('/api/v1/incidents', key, incidentsContract.IncidentList);
    expect(list.incidents.map((each) => [each.causes[0]!.evidence[0]!.of, each.affected[0]!.pooledOperations])).toEqual(
      [
        [undefined, undefined],
        [of, 4],
      ],
    );
    const other = await read(`/api/v1/incidents/${plain}`, key, incidentsContract.IncidentDetailView);
    expect(other.causes[0]!.evidence[0]).not.toHaveProperty('of');
    expect(other.title).not.toContain('rare');
  });

  it('shows what tells its bad traces from good ones, or why that is not known', async () => {
    const { tenantId, key } = await newTenant('correlations');
    const id = await rows.incident(tenantId, { openedAt: '2026-03-01T12:00:10Z', service: 'shop' });
    const throughMs = Date.parse('2026-03-01T12:00:10Z');
    const nothing = {
      outcome: 'not_comparable',
      reason: 'only 3 bad traces',
      throughMs,
      compared: null,
      correlations: [],
    };
    const shown = () => read(`/api/v1/incidents/${id}`, key, incidentsContract.IncidentDetailView);
    await rows.correlations(tenantId, id, nothing);
    expect(await shown()).toMatchObject({ compared: null, comparisonReason: 'only 3 bad traces', correlations: [] });

    const pod = { scope: 'resource', service: 'cart', operation: null, key: 'k8s.pod.name', value: '<cart>-7f9' };
    const version = { ...pod, key: 'service.version', value: '2.4.1' };
    const figures = { badShare: 0.96, goodShare: 0.11, badN: 200, goodN: 180, effect: 0.85, oddsRatio: 150, q: 1e-60 };
    const found = { ...version, ...figures, isSymptom: false, isNew: true, alsoAs: [pod], explainedBy: null };
    const compared = {
      ...{ service: 'shop', operation: 'checkout', bad: 'slow', goodFrom: 'during', badN: 200, goodN: 180, tested: 31 },
      left: { long_values: 3 },
    };
    const correlations = [{ ...found, firstSeenMs: Date.parse('2026-03-01T11:58:00Z') }];
    await rows.correlations(tenantId, id, {
      outcome: 'correlated',
      reason: '1 of 31',
      throughMs,
      compared,
      correlations,
    });
    expect(await shown()).toMatchObject({
      compared: { ...compared, through: '2026-03-01T12:00:10.000Z' },
      comparisonReason: '1 of 31',
      correlations: [{ ...found, firstSeenAt: '2026-03-01T11:58:00.000Z' }],
    });
  });
});

describe('GET /api/v1/services and /operations', () => {
  it('show the five measured minutes, with null where nothing was seen', async () => {
    const { tenantId, key } = await newTenant('load');
    const cart = await rows.operation(tenantId, 'cart', 'GetCart');
    const internal = await rows.operation(tenantId, 'cart', 'parse', 1);
    await rows.operation(tenantId, 'idle', 'never called');
    const job = await rows.operation(tenantId, 'job', 'run', 1);
    // Closed to 12:05, measured to 12:04: figures are those of 11:59 to 12:04.
    await rows.clocks(tenantId, '2026-03-01T11:00:00Z', '2026-03-01T12:05:00Z', '2026-03-01T12:04:00Z');
    const fill = (n: number, us: number) => Array.from({ length: n }, () => us);
    await rows.rollup(tenantId, cart, '2026-03-01T11:58:50Z', fill(1000, 9_000_000), 1000);
    await rows.rollup(tenantId, cart, '2026-03-01T11:59:00Z', fill(200, 10_000), 15);
    await rows.rollup(tenantId, cart, '2026-03-01T12:03:50Z', fill(100, 50_000), 15, 75);
    await rows.rollup(tenantId, cart, '2026-03-01T12:04:00Z', fill(1000, 9_000_000), 1000);
    await rows.rollup(tenantId, internal, '2026-03-01T12:00:00Z', fill(300, 1_000_000), 300);
    await rows.rollup(tenantId, job, '2026-03-01T12:00:00Z', fill(3, 2_000_000), 1);
    await rows.baseline(tenantId, cart, DEFAULT_POLICY.minWindows, fill(60, 10_000));
    await rows.baseline(tenantId, internal, DEFAULT_POLICY.minWindows - 1, fill(60, 10_000));
    await rows.seen(tenantId, 'cart', '2026-03-01T12:05:03.25Z');
    await rows.incident(tenantId, { openedAt: '2026-03-01T12:00:00Z', service: 'job' });
    await rows.incident(tenantId, {
      openedAt: '2026-03-01T12:00:00Z',
      service: 'cart',
      resolvedAt: '2026-03-01T12:01:00Z',
    });

    const period = { from: '2026-03-01T11:59:00.000Z', to: '2026-03-01T12:04:00.000Z' };
    const found = await read('/api/v1/services', key, servicesContract.ServiceList);
    expect(found.period).toEqual(period);
    const [cartView, idleView, jobView] = found.services;
    expect(found.services.map((each) => each.name)).toEqual(['cart', 'idle', 'job']);
    // Requests are the server spans alone, where there are any.
    expect(cartView).toMatchObject({
      operations: 2,
      spansPerSecond: 2,
      errorRatio: 0.1,
      lastSeenAt: '2026-03-01T12:05:03.250Z',
      state: 'normal',
    });
    expect(cartView!.p95Us! / 50_000).toBeCloseTo(1, 1);
    expect(idleView).toEqual({
      name: 'idle',
      operations: 1,
      spansPerSecond: null,
      unknownWeightShare: null,
      errorRatio: null,
      p95Us: null,
      lastSeenAt: null,
      state: 'silent',
    });
    expect(jobView).toMatchObject({ spansPerSecond: 0.01, errorRatio: 1 / 3, state: 'deviating' });

    const operations = await read('/api/v1/operations', key, servicesContract.OperationList);
    expect(operations.period).toEqual(period);
    expect(operations.operations.map((each) => each.name)).toEqual(['GetCart', 'parse', 'run', 'never called']);
    const [getCart, parse, , never] = operations.operations;
    expect(getCart).toMatchObject({ service: 'cart', kind: 'server', spansPerSecond: 1, errorRatio: 0.1 });
    expect(getCart!.p50Us! / 10_000).toBeCloseTo(1, 1);
    expect(getCart!.baseline).toMatchObject({ n: 60, state: 'ready' });
    expect(operations.operations.map((each) => each.lateShare)).toEqual([0.25, 0, 0, null]);
    expect(parse!.baseline).toMatchObject({ state: 'learning' });
    expect(never).toMatchObject({ spansPerSecond: null, errorRatio: null, p50Us: null, p95Us: null, baseline: null });

    const ofJob = await read('/api/v1/operations?service=job', key, servicesContract.OperationList);
    expect([ofJob.operations.length, ofJob.total]).toEqual([1, 1]);
    const busiest = await read('/api/v1/operations?limit=1', key, servicesContract.OperationList);
    expect([busiest.operations.map((each) => each.name), busiest.total]).toEqual([['GetCart'], 4]);
  });

  it('show another period, and one operation step by step', async () => {
    const { tenantId, key } = await newTenant('periods');
    const cart = await rows.operation(tenantId, 'cart', 'GetCart');
    await rows.clocks(tenantId, '2026-03-01T11:00:00Z', '2026-03-01T12:05:00Z', '2026-03-01T12:05:00Z');
    await rows.rollup(tenantId, cart, '2026-03-01T11:30:10Z', [10_000, 10_000, 10_000, 10_000, 10_000, 10_000], 3);
    await rows.rollup(tenantId, cart, '2026-03-01T12:04:40Z', [50_000, 50_000, 50_000]);

    const hour = '?from=2026-03-01T11:10:00Z&to=2026-03-01T12:00:00Z';
    const { period, operations } = await read(`/api/v1/operations${hour}`, key, servicesContract.OperationList);
    expect(period).toEqual({ from: '2026-03-01T11:10:00.000Z', to: '2026-03-01T12:00:00.000Z' });
    expect(operations).toMatchObject([{ id: cart, spansPerSecond: 6 / 3_000, errorRatio: 0.5 }]);

    const red = await read(`/api/v1/operations/${cart}/red?step=600`, key, servicesContract.RedView);
    expect(red.period).toEqual({ from: '2026-03-01T11:05:00.000Z', to: '2026-03-01T12:05:00.000Z' });
    expect(red.steps).toMatchObject([
      { at: '2026-03-01T11:30:00.000Z', spansPerSecond: 0.01, errorRatio: 0.5 },
      // Of this step, five minutes are measured.
      { at: '2026-03-01T12:00:00.000Z', spansPerSecond: 0.01, errorRatio: 0 },
    ]);
    expect(red.steps[1]!.p99Us / 50_000).toBeCloseTo(1, 1);
    const other = await newTenant('somebody else');
    expect((await get(`/api/v1/operations/${cart}/red`, other.key)).status).toBe(404);
  });

  it('divide a young tenant by the time that it has', async () => {
    const { tenantId, key } = await newTenant('young');
    const cart = await rows.operation(tenantId, 'cart', 'GetCart');
    await rows.clocks(tenantId, '2026-03-01T12:00:00Z', '2026-03-01T12:00:20Z', '2026-03-01T12:00:20Z');
    await rows.rollup(
      tenantId,
      cart,
      '2026-03-01T12:00:10Z',
      Array.from({ length: 40 }, () => 1000),
    );
    const { services } = await read('/api/v1/services', key, servicesContract.ServiceList);
    expect(services).toMatchObject([{ spansPerSecond: 2, state: 'learning' }]);
  });
});

describe('GET /api/v1/traces/{traceId}', () => {
  it('finds a trace by its id in any case, and by its short form', async () => {
    const { key } = await rows.tenant('tracer', ['read', 'ingest']);
    await sendSpan(key, TRACE);
    await sendSpan(key, SHORT_TRACE.padStart(32, '0'));
    for (const id of [TRACE, TRACE.toUpperCase()]) {
      const trace = await read(`/api/v1/traces/${id}`, key, tracesContract.TraceView);
      expect(trace).toMatchObject({ traceId: TRACE, spans: [{ service: 'cart', name: 'GetCart', kind: 'server' }] });
    }
    const beyond = await read(`/api/v1/traces/${TRACE}?offset=1&limit=5`, key, tracesContract.TraceView);
    expect(beyond).toMatchObject({ spans: [], total: 1, isComplete: true });
    const short = await read(`/api/v1/traces/${SHORT_TRACE}`, key, tracesContract.TraceView);
    expect(short.traceId).toBe(SHORT_TRACE.padStart(32, '0'));
    expect((await get(`/api/v1/traces/${'f'.repeat(32)}`, key)).status).toBe(404);
  });
});

describe('GET /api/v1/outliers', () => {
  it('lists single traces with their reasons, page by page, of one tenant', async () => {
    const { tenantId, key } = await newTenant('outliers');
    const cart = await rows.operation(tenantId, 'cart', 'GetCart');
    const shop = await rows.operation(tenantId, 'shop', 'PlaceOrder');
    const note = (at: string, operationId: number, traceId: string, reason = 'slow') =>
      rows.outlier(tenantId, at, operationId, traceId, reason);
    await note('2026-03-01T12:00:00Z', cart, 'a'.repeat(32));
    await note('2026-03-01T12:00:00Z', cart, 'a'.repeat(32), 'failed');
    await note('2026-03-01T12:00:10Z', shop, 'b'.repeat(32));
    const other = await newTenant('outliers-other');
    expect((await read('/api/v1/outliers', other.key, findingsContract.OutlierList)).outliers).toEqual([]);

    const all = (await read('/api/v1/outliers', key, findingsContract.OutlierList)).outliers;
    expect(all.map(({ traceId, reason, service, unit }) => [traceId[0], reason, service, unit])).toEqual([
      ['b', 'slow', 'shop', 'us'],
      ['a', 'slow', 'cart', 'us'],
      ['a', 'failed', 'cart', 'ratio'],
    ]);
    expect(all[0]!.text).toBe('took 9 s, where 97 % of 3000 spans took at most 100 ms');
    expect((await read('/api/v1/outliers?service=shop', key, findingsContract.OutlierList)).outliers).toHaveLength(1);
    const before = '/api/v1/outliers?to=2026-03-01T12:00:10Z';
    expect((await read(before, key, findingsContract.OutlierList)).outliers).toHaveLength(2);

    const paged: findingsContract.OutlierView[] = [];
    let cursor: string | null = null;
    do {
      const from: string = cursor === null ? '' : `&cursor=${cursor}`;
      const page: findingsContract.OutlierList = await read(
        `/api/v1/outliers?limit=1${from}`,
        key,
        findingsContract.OutlierList,
      );
      paged.push(...page.outliers);
      cursor = page.nextCursor;
    } while (cursor !== null && paged.length < 10);
    expect(paged).toEqual(all);
  });
});

describe('GET /api/v1/anomalies', () => {
  it('says why something was raised or held back, and pages through it', async () => {
    const { tenantId, key } = await newTenant('anomalies');
    const cart = await rows.operation(tenantId, 'cart', 'GetCart');
    const shop = await rows.operation(tenantId, 'shop', 'PlaceOrder');
    const at = '2026-03-01T12:00:00Z';
    await rows.finding(tenantId, { windowAt: at, operationId: cart });
    await rows.finding(tenantId, { windowAt: at, operationId: cart, signal: 'calls', callerId: shop });
    await rows.finding(tenantId, { windowAt: at, operationId: shop, raised: false, reason: 'low_volume' });
    await rows.finding(tenantId, {
      windowAt: '2026-03-01T12:00:10Z',
      operationId: shop,
      raised: false,
      reason: 'learning',
      pooled: [shop, cart, cart + 1],
    });

    const all = (await read('/api/v1/anomalies', key, findingsContract.AnomalyList)).anomalies;
    expect(all.map((each) => [each.windowAt, each.signal, each.service, each.reason])).toEqual([
      ['2026-03-01T12:00:10.000Z', 'latency', 'shop', 'learning'],
      ['2026-03-01T12:00:00.000Z', 'latency', 'shop', 'low_volume'],
      ['2026-03-01T12:00:00.000Z', 'latency', 'cart', 'raised'],
      ['2026-03-01T12:00:00.000Z', 'calls', 'cart', 'raised'],
    ]);
    expect(all.map((each) => each.pooledOperations)).toEqual([3, null, null, null]);
    expect(all[3]!.caller).toEqual({ service: 'shop', operation: 'PlaceOrder' });
    expect(all[2]!.caller).toBeNull();

    const count = async (query: string) =>
      (await read(`/api/v1/anomalies?${query}`, key, findingsContract.AnomalyList)).anomalies.length;
    expect(await count('raised=true')).toBe(2);
    expect(await count('raised=false')).toBe(2);
    expect(await count('service=cart')).toBe(2);
    expect(await count('service=shop')).toBe(3);
    expect(await count('from=2026-03-01T12:00:10Z')).toBe(1);
    expect(await count('to=2026-03-01T12:00:10Z')).toBe(3);

    const paged: findingsContract.AnomalyView[] = [];
    let cursor: string | null = null;
    do {
      const from: string = cursor === null ? '' : `&cursor=${cursor}`;
      const page: findingsContract.AnomalyList = await read(
        `/api/v1/anomalies?limit=1${from}`,
        key,
        findingsContract.AnomalyList,
      );
      paged.push(...page.anomalies);
      cursor = page.nextCursor;
    } while (cursor !== null && paged.length < 10);
    expect(paged).toEqual(all);
  });
});

describe('GET /api/v1/pipeline', () => {
  it('shows how far event time and each stage have come', async () => {
    const { tenantId, key } = await newTenant('pipeline');
    for (const name of ['a', 'b', 'c', 'd']) await rows.operation(tenantId, name, 'x');
    // The lower median of four: the second.
    await rows.seen(tenantId, 'a', '2026-03-01T12:00:00Z');
    await rows.seen(tenantId, 'b', '2026-03-01T12:01:00Z');
    await rows.seen(tenantId, 'c', '2026-03-01T12:02:00Z');
    await rows.seen(tenantId, 'd', '2026-03-01T12:03:00Z');
    await rows.clocks(tenantId, '2026-03-01T11:00:00Z', '2026-03-01T12:00:50Z', '2026-03-01T12:00:40Z');
    await rows.stage(tenantId, 'detect', '2026-03-01T12:00:30Z');
    const incidentId = await rows.incident(tenantId, { openedAt: '2026-03-01T12:00:00Z' });
    await db.query(
      `insert into incident_events (incident_id, sequence, tenant_id, kind, at, reason, snapshot)
       values ($1, 1, $2, 'opened', now(), '', '{}')`,
      [incidentId, tenantId],
    );
    expect(await read('/api/v1/pipeline', key, systemContract.PipelineView)).toEqual({
      watermark: '2026-03-01T12:01:00.000Z',
      retention: { wholeSince: expect.anything(), droppedForSpace: null },
      closedThrough: '2026-03-01T12:00:50.000Z',
      stages: {
        measure: '2026-03-01T12:00:40.000Z',
        baseline: null,
        detect: '2026-03-01T12:00:30.000Z',
        rank: null,
        incident: null,
        correlate: null,
      },
      undecidedEvents: 1,
      setAsideEvents: 0,
      pendingNotifications: 0,
    });
  });
});

describe('GET /metrics', () => {
  it('proves that received = stored + duplicate + rejected, and shows lag, incidents and notifications', async () => {
    const { tenantId, key } = await newTenant('metrics');
    const counts = {
      received: 120,
      stored: 100,
      duplicate: 5,
      'rejected:bad_id': 12,
      'rejected:too_old': 3,
      'late:kept': 7,
    };
    await rows.spanCounts(tenantId, counts);
    await rows.operation(tenantId, 'cart', 'GetCart');
    await rows.seen(tenantId, 'cart', '2026-03-01T12:00:55Z');
    await rows.clocks(tenantId, '2026-03-01T11:00:00Z', '2026-03-01T12:00:50Z', '2026-03-01T12:00:40Z');
    await rows.stage(tenantId, 'detect', '2026-03-01T12:01:00Z', 2);
    const incidentId = await rows.incident(tenantId, { openedAt: '2026-03-01T12:00:00Z', severity: 'critical' });
    await rows.incident(tenantId, { openedAt: '2026-03-01T12:00:00Z', resolvedAt: '2026-03-01T12:01:00Z' });
    await rows.told(tenantId, incidentId);

    const { status, text } = await get('/metrics', key);
    expect(status).toBe(200);
    const value = (series: string): number | undefined => {
      const line = text.split('\n').find((each) => each.startsWith(`${series} `));
      return line === undefined ? undefined : Number(line.slice(series.length + 1));
    };
    const sum = text
      .split('\n')
      .filter((line) => line.startsWith('tracehound_spans_total{'))
      .reduce((total, line) => total + Number(line.slice(line.lastIndexOf(' ') + 1)), 0);
    expect(sum).toBe(120);
    expect(value('tracehound_spans_received_total')).toBe(120);
    expect(value('tracehound_spans_total{outcome="rejected",reason="bad_id"}')).toBe(12);
    expect(value('tracehound_late_spans_total{fate="kept"}')).toBe(7);
    expect(value('tracehound_stage_lag_seconds{stage="measure"}')).toBe(15);
    expect(value('tracehound_stage_lag_seconds{stage="detect"}')).toBe(0);
    expect(value('tracehound_stage_lag_seconds{stage="rank"}')).toBeUndefined();
    expect(value('tracehound_stage_failures{stage="detect"}')).toBe(2);
    expect(value('tracehound_incidents_open{severity="critical"}')).toBe(1);
    expect(value('tracehound_incidents_open{severity="warning"}')).toBe(0);
    expect(value('tracehound_notifications{state="sent"}')).toBe(1);
    expect(value('tracehound_notifications{state="pending"}')).toBe(0);
    expect(text).toMatch(/^process_cpu_seconds_total /m);
  });
});

describe('GET /health', () => {
  it('answers without a key', async () => {
    const response = await fetch(`${service.apiUrl}/health`);
    expect(response.status).toBe(200);
    expect(systemContract.HealthView.parse(await response.json())).toEqual({
      status: 'ok',
      checks: { database: 'ok', queue: 'ok' },
    });
  });

  it('answers 503 while the database is away', async () => {
    const own = await createTestDatabase('query health');
    const victim = await startService({ databaseUrl: own.url, env: { ROLES: 'api' } });
    try {
      await own.drop();
      const response = await fetch(`${victim.apiUrl}/health`);
      const body = systemContract.HealthView.parse(await response.json());
      expect([response.status, body.status, body.checks.database]).toEqual([503, 'unavailable', 'unavailable']);
    } finally {
      await victim.stop();
      await own.drop();
    }
  });
});

describe('bad input', () => {
  const foreignCursor = Buffer.from(JSON.stringify({ openedAt: '2026-13-45T12:00:00.000000Z', id: ZERO_INCIDENT }));
  it.each([
    { path: 'incidents?state=closed', field: 'state' },
    { path: 'incidents?state=open&state=resolved', field: 'state' },
    { path: 'incidents?limit=0', field: 'limit' },
    { path: 'incidents?limit=201', field: 'limit' },
    { path: 'incidents?limit=1.5', field: 'limit' },
    { path: 'incidents?limit=', field: 'limit' },
    { path: 'incidents?limit=many', field: 'limit' },
    { path: 'incidents?from=yesterday', field: 'from' },
    { path: 'incidents?from=2026-03-01T12:00:00', field: 'from' },
    { path: 'incidents?to=2026-02-30T12:00:00Z', field: 'to' },
    { path: 'incidents?from=2026-03-01T12:00:00Z&to=2026-03-01T12:00:00Z', field: 'to' },
    { path: 'incidents?service=', field: 'service' },
    { path: 'incidents?service=a%00b', field: 'service' },
    { path: 'incidents?cursor=nonsense', field: 'cursor' },
    { path: `incidents?cursor=${foreignCursor.toString('base64url')}`, field: 'cursor' },
    { path: 'incidents?cursor=eyJfX3Byb3RvX18iOnt9fQ', field: 'cursor' },
    { path: 'incidents?stat=open', field: 'stat' },
    { path: 'incidents/42', field: 'id' },
    { path: 'incidents/%00', field: 'id' },
    { path: 'operations?service=%00', field: 'service' },
    { path: 'operations?limit=5001', field: 'limit' },
    { path: 'operations/none/red', field: 'id' },
    { path: 'operations/1/red?step=15', field: 'step' },
    { path: 'anomalies?raised=maybe', field: 'raised' },
    { path: 'anomalies?limit=-1', field: 'limit' },
    { path: 'anomalies?cursor=e30', field: 'cursor' },
    { path: `traces/${'0'.repeat(32)}`, field: 'traceId' },
    { path: `traces/${'a'.repeat(31)}`, field: 'traceId' },
    { path: `traces/${'g'.repeat(32)}`, field: 'traceId' },
    { path: `traces/${'a'.repeat(24)}`, field: 'traceId' },
  ])('$path is answered 400 with the field $field', async ({ path, field }) => {
    const { key } = await newTenant(`bad ${path}`);
    const { status, body } = await get(`/api/v1/${path}`, key);
    expect({ status, body }).toMatchObject({ status: 400, body: { error: { field } } });
    expect(systemContract.ErrorView.parse(body)).toEqual(body);
  });
});

async function sendSpan(key: string, traceId: string): Promise<void> {
  const end = BigInt(Date.now()) * 1_000_000n;
  const span = {
    traceId,
    spanId: '00f067aa0ba902b7',
    name: 'GetCart',
    kind: 2,
    startTimeUnixNano: String(end - 1_500_000n),
    endTimeUnixNano: String(end),
    attributes: [{ key: 'retries', value: { intValue: '3' } }],
    events: [{ name: 'exception', timeUnixNano: String(end), attributes: [] }],
    links: [{ traceId: 'c'.repeat(32), spanId: 'd'.repeat(16), attributes: [] }],
  };
  const resource = { attributes: [{ key: 'service.name', value: { stringValue: 'cart' } }] };
  const response = await fetch(`${service.otlpUrl}/v1/traces`, {
    method: 'POST',
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
    body: JSON.stringify({ resourceSpans: [{ resource, scopeSpans: [{ spans: [span] }] }] }),
  });
  expect({ status: response.status, body: await response.text() }).toMatchObject({ status: 200 });
}
