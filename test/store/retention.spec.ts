import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { DataSource } from 'typeorm';
import { createDataSource } from '../../src/store/data-source.js';
import { RetentionStore } from '../../src/store/retention.store.js';
import { randomBytes, randomUUID } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { SearchStore } from '../../src/journal/search.store.js';
import { TraceSearch } from '../../src/journal/search.js';
import { HOUR_MS, WINDOW_MS, floorHour, windowOf } from '../../src/model/window.js';
import { createTestDatabase, type TestDatabase } from '../support/database.js';
import { openJournal, store, type TestJournal } from '../support/journal.js';
import { logsOf, requestOf, span, text } from '../support/otlp-proto.js';

const NOW = Date.parse('2026-03-31T12:00:00Z');
let database: TestDatabase;
let db: DataSource;
beforeAll(async () => {
  database = await createTestDatabase('retention');
  db = await createDataSource(database.url).initialize();
  await db.runMigrations();
});
afterAll(async () => {
  await db.destroy();
  await database.drop();
});

it('ends verdicts that are older than 30 days, unless the journal still holds their hour', async () => {
  const windows = ['2026-03-30T00:00:10Z', '2026-02-01T00:00:10Z', '2022-08-22T04:59:50Z'];
  await db.query(`insert into journal_hours (hour) values ('2022-08-22T04:00:00Z')`);
  for (const at of windows) {
    await db.query(`insert into window_totals values (1, $1, 5, 1, 1, 0)`, [at]);
    await db.query(`insert into anomalies values (1, $1, 'latency', 1, 0, true, 'raised', '{}')`, [at]);
    await db.query(`insert into anomaly_groups values (1, $1, 0, '{}')`, [at]);
    await db.query(`insert into outlier_traces values (1, $1, $2, 'slow', 1, 0, 9, 1, 1, 1, 9)`, [at, randomUUID()]);
  }
  expect(await new RetentionStore(db).prune(NOW)).toBe(4);
  for (const table of ['window_totals', 'anomalies', 'anomaly_groups', 'outlier_traces']) {
    const rows = await db.query<{ window_at: Date }[]>(`select window_at from ${table} order by window_at`);
    expect(rows.map((row) => row.window_at.toISOString())).toEqual([
      '2022-08-22T04:59:50.000Z',
      '2026-03-30T00:00:10.000Z',
    ]);
  }
  expect(await new RetentionStore(db).prune(NOW)).toBe(0);
});

it('ends what alerting is done with, and keeps what fires, what is owed, and what was said of incidents', async () => {
  const old = new Date(NOW - 100 * 86_400_000);
  const group = (closedAt: Date | null) =>
    db.query(
      `insert into alert_groups (tenant_id, id, key, route_key, labels, settings, created_at, closed_at)
       values (1, gen_random_uuid(), 'g', 'r', '{}', '{}', $1, $2)`,
      [old, closedAt],
    );
  await group(old);
  await group(null);
  const alert = async (isFiring: boolean, isMember = false) => {
    const id = randomUUID();
    await db.query(
      `insert into routed_alerts (tenant_id, alert_id, sequence, snapshot, reason, is_firing, step_at, heard_at, routed_at)
       values (1, $1, 1, '{}', 'x', $2, $3, $3, $3)`,
      [id, isFiring, old],
    );
    if (isMember) {
      await db.query(
        `insert into alert_group_members (tenant_id, group_id, alert_id) values (1, gen_random_uuid(), $1)`,
        [id],
      );
    }
  };
  await alert(false);
  await alert(true);
  await alert(false, true);
  const decision = (incidentId: string | null) =>
    db.query(
      `insert into route_decisions (tenant_id, alert_id, sequence, rule_name, incident_id, group_id, step_at, at, send, reason, channel_ids)
       values (1, gen_random_uuid(), 1, 'x', $1, gen_random_uuid(), $2, $2, false, 'x', '{}')`,
      [incidentId, old],
    );
  await decision(null);
  await decision(randomUUID());
  await db.query(
    `insert into silences values (1, gen_random_uuid(), '[]', $1, $1, 'ann', '', $1), (1, gen_random_uuid(), '[]', $1, $2, 'ann', '', $1)`,
    [old, new Date(NOW)],
  );

  expect(await new RetentionStore(db).prune(NOW)).toBe(4);
  for (const [table, left] of Object.entries({ alert_groups: 1, routed_alerts: 2, route_decisions: 1, silences: 1 })) {
    expect(await db.query(`select count(*)::int4 as n from ${table}`)).toEqual([{ n: left }]);
  }
});

describe('spans', () => {
  const nowMs = Date.now();
  const hourMs = floorHour(nowMs) - 30 * HOUR_MS;
  const id = () => randomBytes(16);
  const hex = (traceId: Uint8Array) => Buffer.from(traceId).toString('hex');
  let own: TestDatabase;
  let journal: TestJournal;
  let search: TraceSearch;
  beforeAll(async () => {
    own = await createTestDatabase('retention_spans');
    journal = await openJournal(own.url, { RETENTION_HOURS: '24', RETENTION_ANOMALOUS_HOURS: '48' });
    search = new TraceSearch(new SearchStore(journal.db), journal.reader);
  });
  afterAll(async () => {
    await journal.close();
    await own.drop();
  });

  const age = (hours: number) =>
    journal.db.query(
      `update journal_hours set last_written_at = now() - $1 * interval '1 hour' where last_written_at > now() - interval '1 minute' and hour < $2`,
      [hours, new Date(nowMs - 3 * HOUR_MS)],
    );
  const show = async (traceId: Uint8Array) =>
    (await journal.reader.trace(1, hex(traceId)))?.spans.map(({ name }) => name);
  const find = async (fromMs: number, toMs: number, attribute?: string) => {
    const filter = {
      minDurationUs: 0,
      maxDurationUs: Infinity,
      errorsOnly: false,
      attributes: attribute === undefined ? [] : [{ key: 'mark', value: attribute }],
      fromUs: fromMs * 1_000,
      toUs: toMs * 1_000,
    };
    const { traces } = await search.search(1, { filter, limit: 100, after: null, asOfMs: null });
    return traces.map(({ traceId }) => traceId).sort();
  };
  const incident = (traceIds: Uint8Array[], atMs: number) =>
    journal.db.query(
      `insert into incidents (id, tenant_id, state, severity, started_at, opened_at, last_seen_at, causes, affected, exemplars)
       values ($1, 1, 'resolved', 'warning', $2, $2, $2, '[]', '[]', $3)`,
      [randomUUID(), new Date(atMs), JSON.stringify(traceIds.map(hex))],
    );
  const dropped = async () => {
    const rows = await journal.db.query<{ reason: string; n: string }[]>(
      `select reason, n from dropped_spans where tenant_id = 1`,
    );
    return Object.fromEntries(rows.map(({ reason, n }) => [reason, Number(n)]));
  };
  const operationOf = async (name: string) => {
    const [row] = await journal.db.query<{ id: number }[]>(`select id from operations where name = $1`, [name]);
    return row!.id;
  };

  it('of anomalous traces stay when their hour goes, found by id and by search', async () => {
    const [told, failed, ordinary, across, outlier] = [id(), id(), id(), id(), id()];
    const edgeMs = hourMs + HOUR_MS;
    await store(
      journal,
      requestOf('shop', [
        span(hourMs + 60_000, { traceId: told, name: 'told', attributes: [text('mark', 'me')] }),
        span(hourMs + 61_000, { traceId: ordinary, name: 'ordinary' }),
        span(hourMs + 62_000, { traceId: failed, name: 'failing', status: { code: 2 } }),
        span(hourMs + 63_000, { traceId: outlier, name: 'slow' }),
      ]),
    );
    await journal.db.query(`insert into outlier_traces values (1, $1, $2, 'slow', $3, 0, 9e6, 1e5, 20, 3000, 9)`, [
      new Date(windowOf(hourMs + 63_000)),
      hex(outlier),
      await operationOf('slow'),
    ]);
    // One request over the border of two hours: filed in the first, posted in both.
    await store(
      journal,
      requestOf('shop', [
        span(edgeMs - 5, { traceId: across, name: 'before' }),
        span(edgeMs + 5, { traceId: across, name: 'after' }),
        span(edgeMs + 6, { traceId: ordinary, name: 'ordinary' }),
      ]),
    );
    await store(journal, requestOf('shop', [span(nowMs, { traceId: told, name: 'today' })]));
    await incident([told, across], hourMs + 60_000);
    await journal.partitions.open([hourMs], nowMs);
    await journal.db.query(
      `insert into rollups (tenant_id, operation_id, window_at, n, error_count, entries, duration_sum_us, max_duration_us, latency,
         sampled_n, failed_here_n, self_time, exemplars)
       values (1, $1, $2, 1, 1, 1, 1, 1, '', 0, 0, '', $3)`,
      [
        await operationOf('failing'),
        new Date(windowOf(hourMs + 62_000)),
        JSON.stringify({ slowest: [], failed: [hex(failed)] }),
      ],
    );
    await journal.retention.run(nowMs);
    expect(await show(ordinary)).toHaveLength(2);

    await age(25);
    await journal.retention.run(nowMs);
    expect(await show(ordinary)).toBeUndefined();
    expect(await show(told)).toEqual(['told', 'today']);
    expect(await show(failed)).toEqual(['failing']);
    expect(await show(outlier)).toEqual(['slow']);
    expect(await show(across)).toEqual(['before', 'after']);
    expect(await find(hourMs, edgeMs + HOUR_MS)).toEqual([told, failed, across, outlier].map(hex).sort());
    expect(await find(hourMs, edgeMs + HOUR_MS, 'me')).toEqual([hex(told)]);
    // By the span that lies in the second hour, whose segment is of the first.
    expect(await find(edgeMs, edgeMs + WINDOW_MS)).toEqual([hex(across)]);
    expect(await dropped()).toEqual({ age: 2 });

    // Once more: nothing changes, nothing is counted twice.
    await journal.retention.run(nowMs);
    expect(await show(across)).toEqual(['before', 'after']);
    expect(await dropped()).toEqual({ age: 2 });

    // Late ones make it a whole hour again, which is reduced in its turn.
    await journal.partitions.open([hourMs], nowMs + 120_000);
    const late = id();
    await store(
      journal,
      requestOf('shop', [
        span(hourMs + 70_000, { traceId: late, name: 'late' }),
        span(hourMs + 71_000, { traceId: told, name: 'late' }),
      ]),
    );
    expect(await show(late)).toEqual(['late']);
    await journal.db.query(
      `update journal_hours set last_written_at = now() - interval '24.5 hours', reduced_at = now() - interval '25 hours' where hour = $1`,
      [new Date(hourMs)],
    );
    await journal.retention.run(nowMs);
    expect(await show(late)).toBeUndefined();
    expect(await show(told)).toEqual(['told', 'late', 'today']);
    expect(await show(across)).toEqual(['before', 'after']);
    expect(await find(hourMs, edgeMs + HOUR_MS)).toEqual([told, failed, across, outlier].map(hex).sort());

    // At last they go too.
    await journal.db.query(`update journal_hours set last_written_at = now() - interval '60 hours' where hour < $1`, [
      new Date(nowMs - 3 * HOUR_MS),
    ]);
    await journal.retention.run(nowMs + 30 * HOUR_MS);
    expect(await show(failed)).toBeUndefined();
    expect(await show(told)).toBeUndefined();
    expect(await journal.db.query(`select from kept_segments`)).toEqual([]);
  });

  it('take their log lines with them', async () => {
    const atMs = floorHour(nowMs) - 28 * HOUR_MS + 5_000;
    const traceId = hex(id());
    await store(journal, requestOf('shop', [span(atMs, { traceId: Buffer.from(traceId, 'hex') })]));
    await journal.logs.openHours([floorHour(atMs)]);
    await journal.logs.append(1, {
      key: randomBytes(16),
      payload: gzipSync(
        logsOf('shop', [
          { timeUnixNano: `${atMs}000000`, traceId: Buffer.from(traceId, 'hex'), body: { stringValue: 'gone' } },
        ]),
      ),
      records: [{ timeMs: atMs, service: 'shop', traceId }],
      receivedMs: nowMs,
      received: 1,
      rejected: new Map(),
    });
    const lines = async () => (await journal.logReader.trace(1, traceId)).logs.map(({ body }) => body);
    await journal.retention.run(nowMs);
    expect(await lines()).toEqual(['gone']);
    await age(25);
    await journal.retention.run(nowMs);
    expect(await lines()).toEqual([]);
    expect(await journal.db.query(`select from log_segments`)).toEqual([]);
    expect(await journal.db.query(`select from log_windows`)).toEqual([]);
  });

  it('go for space, oldest hour first, while others are written and nobody waits', async () => {
    const small = await openJournal(own.url, { RETENTION_ANOMALOUS_HOURS: '0', RETENTION_MAX_BYTES: '1000000' });
    try {
      const old = [8, 7, 6].map((ago) => floorHour(nowMs) - ago * HOUR_MS);
      const traces = old.map(() => id());
      for (const [i, atMs] of old.entries()) {
        const spans = Array.from({ length: 300 }, () =>
          span(atMs + 5, { traceId: traces[i]!, attributes: [text('pad', randomBytes(600).toString('base64'))] }),
        );
        await store(small, requestOf('padded', spans));
      }
      await journal.db.query(
        `update journal_hours set last_written_at = now() - interval '1 hour' where hour = any($1)`,
        [old.map((ms) => new Date(ms))],
      );
      const waits: number[] = [];
      const isDone = new AbortController();
      const load = (async () => {
        while (!isDone.signal.aborted) {
          const before = performance.now();
          await store(small, requestOf('busy', [span(Date.now())]));
          waits.push(performance.now() - before);
        }
      })();
      await small.retention.run(Date.now());
      isDone.abort();
      await load;
      expect(Math.max(...waits)).toBeLessThan(2_000);
      const left = await Promise.all(
        traces.map(async (traceId) => (await small.reader.trace(1, hex(traceId))) !== null),
      );
      // The oldest are gone, those that fit are not, and nothing younger than one that stays.
      expect(left[0]).toBe(false);
      expect(left).toEqual([...left].sort());
      expect((await dropped())['space']).toBe(300 * left.filter((isLeft) => !isLeft).length);
      expect(
        (
          await small.db.query<{ n: number }[]>(`select count(*)::int4 as n from journal_hours where hour >= $1`, [
            new Date(floorHour(nowMs) - HOUR_MS),
          ])
        )[0]!.n,
      ).toBeGreaterThan(0);
    } finally {
      await small.close();
    }
  });
});
