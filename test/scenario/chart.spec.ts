import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import { Histogram } from '../../src/model/histogram.js';
import { emptyRollup, type WindowMeasure } from '../../src/model/rollup.js';
import { WINDOW_MS } from '../../src/model/window.js';
import { CompactionStore } from '../../src/store/compaction.store.js';
import { ChartStore } from '../../src/store/chart.store.js';
import { MessageContextStore } from '../../src/store/message-context.store.js';
import { RollupStore } from '../../src/store/rollup.store.js';
import { startDelivery, type Delivery } from '../support/delivery.js';
import { startSink, type Sink } from '../support/sink.js';

/** When the incidents of `delivery` began. */
const BEGAN_MS = Date.parse('2026-11-21T03:11:40Z');
const NAMED = { service: 'checkout', operation: 'GetCart' };

describe('the picture of a message', () => {
  let delivery: Delivery;
  let sink: Sink;

  beforeAll(async () => {
    sink = await startSink();
    delivery = await startDelivery('chart');
    const { db } = delivery;
    for (const table of ['rollups', 'edge_rollups', 'event_rollups', 'minute_rollups']) {
      await db.query(
        `create table ${table}_test partition of ${table} for values from ('2026-11-20') to ('2026-11-30')`,
      );
    }
    await db.query(`insert into services (tenant_id, name) values (1, $1)`, [NAMED.service]);
    const [{ id }]: [{ id: number }] = await db.query(
      `insert into operations (tenant_id, service_id, kind, name) select 1, id, 2, $1 from services returning id`,
      [NAMED.operation],
    );
    const windows = Array.from({ length: 200 }, (_, i): WindowMeasure => {
      const windowAtMs = BEGAN_MS - (180 - i) * WINDOW_MS;
      const latency = new Histogram();
      latency.add(windowAtMs < BEGAN_MS ? 240_000 : 1_900_000, 50);
      const rollups = [{ ...emptyRollup(id, windowAtMs), n: 50, latency }];
      return { windowAtMs, n: 50, traces: 0, sampledTraces: 0, duplicateSpans: 0, rollups, edges: [] };
    });
    await db.transaction(async (tx) => {
      await new RollupStore(db).replace(tx, 1, windows);
      await new CompactionStore(db).compact(tx, 1, BEGAN_MS - 30 * 60_000, BEGAN_MS);
    });
  });
  afterAll(async () => {
    await delivery?.close();
    await sink?.close();
  });

  it('is drawn from what was measured, for channels that take one', async () => {
    sink.answer('/discord', { status: 200, body: '{"id":"1"}' });
    await delivery.channel('discord', `${sink.url}/discord`);
    await delivery.channel('webhook', `${sink.url}/webhook`);
    await delivery.step(randomUUID(), 'opened');
    await delivery.alert.run(1, Date.now() + 1_000);
    await delivery.notify.run(1);
    const [told] = sink.at('/discord');
    expect(told?.headers['content-type']).toMatch(/^multipart\/form-data/);
    expect(told?.body).toContain('attachment://chart.png');
    expect(told?.body).toContain('PNG');
    expect(sink.at('/webhook')).toHaveLength(1);
    const stored: { chart: unknown }[] = await delivery.db.query(`select body -> 'chart' as chart from notifications`);
    expect(stored.map(({ chart }) => chart)).toEqual([null, null]);
  });

  it('is read of one operation of one tenant', async () => {
    const charts = new ChartStore(delivery.db);
    const period = { fromMs: BEGAN_MS - 10 * WINDOW_MS, toMs: BEGAN_MS + 10 * WINDOW_MS, stepMs: WINDOW_MS };
    const steps = await charts.steps(1, NAMED, period);
    expect(steps).toHaveLength(20);
    expect(steps[0]).toMatchObject({ atMs: period.fromMs, n: 50, errors: 0 });
    const minutes = await charts.steps(1, NAMED, { ...period, fromMs: BEGAN_MS - 600_000, stepMs: 60_000 });
    expect(minutes.length).toBeGreaterThanOrEqual(9);
    expect(minutes[0]).toMatchObject({ n: 300 });
    expect(await charts.steps(2, NAMED, period)).toEqual([]);
    expect(await charts.steps(1, { ...NAMED, operation: 'Other' }, period)).toEqual([]);
    const [{ id }]: [{ id: string }] = await delivery.db.query(`select id from rules limit 1`);
    expect(await charts.rule(1, id)).toBeNull();
    const definition = { measure: 'error_rate', above: 0.1, below: null };
    await delivery.db.query(`update rules set type = 'threshold', definition = $2 where id = $1`, [id, definition]);
    expect(await charts.rule(1, id)).toEqual({ measure: 'error_rate', isBelow: false });
    expect(await charts.rule(2, id)).toBeNull();
  });

  it('goes with the versions at work and the callers, as they were then', async () => {
    const context = new MessageContextStore(delivery.db);
    const { db } = delivery;
    const [[first], [second]] = [
      await db.query<{ id: number }[]>(`select id from services`),
      await db.query<{ id: number }[]>(`select id from operations`),
    ];
    const versions: [value: string, first: number, last: number][] = [
      ['2.4.0', -9 * 3_600_000, -3 * 3_600_000],
      ['2.4.1', -600_000, 0],
      ['2.4.2', 3_600_000, 7_200_000],
    ];
    for (const [value, from, to] of versions) {
      await db.query(
        `insert into versions (tenant_id, service_id, key, value, first_seen_at, last_seen_at) values (1, $1, 'service.version', $2, $3, $4)`,
        [first!.id, value, new Date(BEGAN_MS + from), new Date(BEGAN_MS + to)],
      );
    }
    const since = new Date(BEGAN_MS - 600_000).toISOString();
    expect(await context.versions(1, [NAMED.service, 'other'], BEGAN_MS)).toEqual([
      { service: NAMED.service, key: 'service.version', value: '2.4.1', since },
    ]);
    expect(await context.versions(2, [NAMED.service], BEGAN_MS)).toEqual([]);
    const [caller] = await db.query<{ id: number }[]>(
      `insert into operations (tenant_id, service_id, kind, name) values (1, $1, 3, 'GET /') returning id`,
      [first!.id],
    );
    const edge = { callerId: caller!.id, calleeId: second!.id, calls: 7, errors: 0, gap: new Histogram() };
    const windows = [-40, -2, -1].map((i): WindowMeasure => {
      const windowAtMs = BEGAN_MS + i * WINDOW_MS;
      const edges = [{ ...edge, windowAtMs }];
      return { windowAtMs, n: 50, traces: 0, sampledTraces: 0, duplicateSpans: 0, rollups: [], edges };
    });
    await db.transaction((tx) => new RollupStore(db).replace(tx, 1, windows));
    expect(await context.callers(1, NAMED, BEGAN_MS)).toEqual([
      { service: NAMED.service, operation: 'GET /', calls: 14 },
    ]);
    expect(await context.callers(2, NAMED, BEGAN_MS)).toEqual([]);
  });
});
