import { createHash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { CorrelateWorker } from '../../src/correlate/correlate.worker.js';
import { TracesStore } from '../../src/journal/traces.store.js';
import { MeasureWorker } from '../../src/measure/measure.worker.js';
import type { Finding } from '../../src/model/anomaly.js';
import type { CorrelationReport } from '../../src/model/correlation.js';
import { correlationViews } from '../../src/model/correlation-view.js';
import type { Incident } from '../../src/model/incident.js';
import { floorHour, MINUTE_MS, WINDOW_MS } from '../../src/model/window.js';
import { correlationLines } from '../../src/model/correlation-lines.js';
import { StageRunner } from '../../src/stage-runner.js';
import { AnomalyStore } from '../../src/store/anomaly.store.js';
import { CorrelationStore } from '../../src/store/correlation.store.js';
import { CursorStore } from '../../src/store/cursor.store.js';
import { IncidentStore } from '../../src/store/incident.store.js';
import { CompactionStore } from '../../src/store/compaction.store.js';
import { EventStore } from '../../src/store/event.store.js';
import { ReopenedStore } from '../../src/store/reopened.store.js';
import { RollupStore } from '../../src/store/rollup.store.js';
import { VersionStore } from '../../src/store/version.store.js';
import { alertWorkerOn } from '../support/alert-workers.js';
import { createTestDatabase, type TestDatabase } from '../support/database.js';
import { openJournal, store, type TestJournal } from '../support/journal.js';
import { encodeRequest, type KeyValue, type ResourceSpansFields, text } from '../support/otlp-proto.js';
import { mulberry32 } from '../support/shop.js';

const T0 = floorHour(Date.now()) - 60 * MINUTE_MS;
/** Pod c gets version 2.4.1 … */
const DEPLOYED = T0 + 9 * MINUTE_MS;
/** … and is slow from here on. */
const BEGAN = T0 + 12 * MINUTE_MS;
const OPENED = BEGAN + 3 * WINDOW_MS;
const NO_BELL = { ring: async () => undefined };

/** One window of traces through frontend and one of three cart pods, and of searches that nothing explains. */
function windowOf(atMs: number): Buffer {
  const random = mulberry32(atMs / 1_000);
  const pods = new Map<string, ResourceSpansFields>();
  const add = (service: string, pod: string, version: string, fields: object): void => {
    const key = `${service} ${pod} ${version}`;
    if (!pods.has(key)) {
      const attributes = [text('service.name', service), text('k8s.pod.name', pod), text('service.version', version)];
      pods.set(key, { resource: { attributes }, scopeSpans: [{ spans: [] }] });
    }
    pods.get(key)!.scopeSpans[0]!.spans.push(fields as never);
  };
  for (let i = 0; i < 24; i++) {
    const traceId = createHash('md5').update(`${atMs} ${i}`).digest();
    const spanId = (n: number) => createHash('md5').update(`${atMs} ${i} ${n}`).digest().subarray(0, 8);
    const endMs = atMs + 500 + i * 300;
    const pod = `cart-${'abc'[i % 3]}`;
    const isNew = pod === 'cart-c' && atMs >= DEPLOYED;
    const tookMs = pod === 'cart-c' && atMs >= BEGAN ? 900 + random() * 400 : 20 + random() * 20;
    const span = (n: number, parent: Buffer | undefined, name: string, ms: number, attributes: KeyValue[]) => ({
      traceId,
      spanId: spanId(n),
      ...(parent && { parentSpanId: parent }),
      name,
      kind: 2,
      startTimeUnixNano: String(BigInt(Math.round((endMs - ms) * 1_000)) * 1_000n),
      endTimeUnixNano: String(BigInt(endMs * 1_000) * 1_000n),
      attributes,
    });
    const order = [text('order.id', traceId.toString('hex')), text('user.tier', random() < 0.5 ? 'gold' : 'free')];
    add('frontend', 'web-1', '7', span(1, undefined, 'POST /checkout', tookMs + 5, order));
    add('cart', pod, isNew ? '2.4.1' : '2.4.0', span(2, spanId(1), 'GetCart', tookMs, []));
    const searchMs = atMs >= BEGAN && random() < 0.5 ? 800 : 30;
    const search = {
      ...span(3, undefined, 'GET /search', searchMs, order),
      traceId: createHash('md5').update(traceId).digest(),
    };
    add('search', `search-${i % 2}`, '1', search);
  }
  return encodeRequest([...pods.values()]);
}

describe('correlation of attributes and versions', () => {
  let database: TestDatabase;
  let it1: TestJournal;
  let worker: CorrelateWorker;
  let reports: CorrelationStore;
  let operations: Map<string, number>;

  beforeAll(async () => {
    database = await createTestDatabase('correlate');
    it1 = await openJournal(database.url);
    const { db, reader } = it1;
    for (let atMs = T0; atMs < OPENED + 2 * WINDOW_MS; atMs += WINDOW_MS) await store(it1, windowOf(atMs));
    await db.query(`update tenant_clocks set closed_through = $1`, [new Date(OPENED + 2 * WINDOW_MS)]);
    const cursors = new CursorStore(db);
    const runner = new StageRunner(db, cursors, NO_BELL as never);
    const rollups = new RollupStore(db);
    const versions = new VersionStore(db);
    const compactions = new CompactionStore(db);
    const measure = new MeasureWorker(
      runner,
      reader,
      it1.logReader,
      rollups,
      new EventStore(db),
      new ReopenedStore(db, rollups, compactions),
      versions,
      compactions,
    );
    while ((await cursors.due()).some(({ job }) => job === 'measure')) await measure.run(1);
    reports = new CorrelationStore(db);
    worker = new CorrelateWorker(runner, new AnomalyStore(db), new TracesStore(db, reader), versions, reports, NO_BELL);
    const rows = await db.query<{ id: number; name: string }[]>(`select id, name from operations where tenant_id = 1`);
    operations = new Map(rows.map(({ id, name }) => [name, id]));
  }, 120_000);
  afterAll(async () => {
    await it1.close();
    await database.drop();
  });

  /** An incident of the operation that opens at OPENED, as the stages before would have left it. */
  async function opened(id: string, service: string, operation: string): Promise<Incident> {
    const { db } = it1;
    const operationId = operations.get(operation)!;
    const figures = {
      signal: 'latency',
      quantile: 0.9,
      observed: 1e6,
      expected: 3e4,
      unit: 'us',
      n: 24,
      score: 30,
    } as const;
    const finding: Finding = {
      ...figures,
      operationId,
      callerId: 0,
      windowAtMs: OPENED - WINDOW_MS,
      raised: true,
      reason: 'raised',
      direction: 'up',
      baselineN: 1_000,
      sinceMs: BEGAN,
    };
    const incident: Incident = {
      id,
      tenantId: 1,
      state: 'open',
      severity: 'warning',
      startedMs: BEGAN,
      openedMs: OPENED,
      lastSeenMs: OPENED,
      resolvedMs: null,
      quietWindows: 0,
      flaps: 0,
      causes: [],
      affected: [{ ...figures, operationId, service, operation, sinceMs: BEGAN }],
      exemplars: [],
    };
    const incidents = new IncidentStore(db);
    await db.transaction(async (tx) => {
      await new AnomalyStore(db).replaceFindings(tx, 1, OPENED - WINDOW_MS, OPENED, [finding]);
      await incidents.save(tx, incident);
      await incidents.addEvent(tx, incident, 'opened', OPENED, 'test');
    });
    return incident;
  }

  async function correlated(id: string): Promise<CorrelationReport> {
    const cursor = `insert into stage_cursors (tenant_id, stage, done_through) values (1, $1, $2)
                    on conflict (tenant_id, stage) do update set done_through = excluded.done_through`;
    await it1.db.query(cursor, ['incident', new Date(OPENED)]);
    await it1.db.query(cursor, ['correlate', new Date(OPENED - WINDOW_MS)]);
    await worker.run(1);
    return (await reports.get(1, id))!;
  }

  const lines = (report: CorrelationReport): string[] => {
    const { compared, correlations } = correlationViews(report);
    return correlationLines(compared, correlations, new Date(BEGAN).toISOString());
  };

  const CHECKOUT = '00000000-0000-4000-8000-000000000001';
  const SEARCH = '00000000-0000-4000-8000-000000000002';

  it('names version and pod, and when the version came, whatever another tenant sends or comes later', async () => {
    // The same traces with other attributes, of another tenant; and spans of them that end after the incident opened.
    const [tenant] = await it1.db.query<{ id: number }[]>(`insert into tenants (name) values ('other') returning id`);
    await store(it1, windowOf(BEGAN), tenant!.id);
    await opened(CHECKOUT, 'frontend', 'POST /checkout');
    const report = await correlated(CHECKOUT);
    expect(report).toMatchObject({
      outcome: 'correlated',
      throughMs: OPENED,
      compared: {
        service: 'frontend',
        operation: 'POST /checkout',
        bad: 'slow',
        goodFrom: 'during',
        badN: 24,
        goodN: 48,
      },
    });
    expect(report.compared!.left).toEqual({});
    const time = new Date(DEPLOYED).toISOString().slice(11, 16);
    expect(lines(report)).toEqual([
      `cart version 2.4.1, pod cart-c: 100 % of slow traces, 0 % of others; first seen ${time} UTC`,
    ]);
    expect(await correlated(CHECKOUT)).toEqual(report);
    // A later comparison that could not be made does not take the place of one that was.
    const failed = { ...report, outcome: 'failed', compared: null, throughMs: OPENED + MINUTE_MS } as const;
    await reports.save(it1.db.manager, 1, CHECKOUT, failed);
    expect(await reports.get(1, CHECKOUT)).toEqual(report);
  });

  it('says nothing when nothing correlates', async () => {
    await opened(SEARCH, 'search', 'GET /search');
    const report = await correlated(SEARCH);
    expect(report).toMatchObject({ outcome: 'nothing', correlations: [] });
    expect(report.compared!.badN).toBeGreaterThan(20);
    expect(report.compared!.tested).toBeGreaterThan(0);
    expect(lines(report)).toEqual([]);
  });

  it('reads no trace of another tenant', async () => {
    const traces = new TracesStore(it1.db, it1.reader);
    const traceId = createHash('md5').update(`${T0} 0`).digest('hex');
    expect((await traces.terms(1, [traceId], Infinity)).traces.size).toBe(1);
    expect((await traces.terms(2, [traceId], Infinity)).traces.size).toBe(0);
    expect((await traces.operation(2, operations.get('GetCart')!, T0, OPENED)).postings).toEqual([]);
  });

  it('holds an alert up for a moment only', async () => {
    const { db } = it1;
    const alert = alertWorkerOn(db);
    const undecided = async () => {
      await alert.run(1);
      return (await db.query<unknown[]>(`select from incident_events where decided_at is null`)).length;
    };
    await db.query(`update incident_events set decided_at = null, created_at = now()`);
    await db.query(`update stage_cursors set done_through = $1 where stage = 'correlate'`, [
      new Date(OPENED - WINDOW_MS),
    ]);
    expect(await undecided()).toBe(2);
    await db.query(`update incident_events set created_at = now() - interval '4 s' where incident_id = $1`, [CHECKOUT]);
    expect(await undecided()).toBe(1);
    await db.query(`update stage_cursors set done_through = $1 where stage = 'correlate'`, [new Date(OPENED)]);
    expect(await undecided()).toBe(0);
  });
});
