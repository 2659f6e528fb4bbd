import { familyCpuS } from './ingest/proc.js';
import { BacktestWorker } from '../src/alert/backtest.worker.js';
import { ReplayData } from '../src/alert/replay-data.store.js';
import { checkedRule } from '../src/alert/rules-contract.js';
import { JournalReader } from '../src/journal/read.js';
import { TracesStore } from '../src/journal/traces.store.js';
import { Histogram } from '../src/model/histogram.js';
import { HOUR_MS, MINUTE_MS } from '../src/model/window.js';
import { AnomalyStore } from '../src/store/anomaly.store.js';
import { BacktestStore } from '../src/store/backtest.store.js';
import { createDataSource } from '../src/store/data-source.js';
import { IncidentStore } from '../src/store/incident.store.js';
import { RuleHistoryStore } from '../src/store/rule-history.store.js';
import { VersionStore } from '../src/store/version.store.js';

// A week of 200 operations in minutes, replayed: npm run bench:backtest. With --calls also the calls of 20 of them in windows, which takes minutes to fill.
const OPERATIONS = 200;
const DAYS = 7;
const DAY_MS = 24 * HOUR_MS;
const TO_MS = Date.parse('2026-03-08T00:00:00Z');
const FROM_MS = TO_MS - DAYS * DAY_MS;

const db = await createDataSource(process.env['DATABASE_URL'] ?? '').initialize();
await db.runMigrations();
for (const table of ['minute_rollups', 'rollups', 'edge_rollups']) {
  await db.query(
    `create table ${table}_bench partition of ${table} for values from ('${new Date(FROM_MS - DAY_MS).toISOString()}') to ('${new Date(TO_MS + DAY_MS).toISOString()}')`,
  );
}
await db.query(`insert into services (tenant_id, name) values (1, 'bench')`);
await db.query(
  `insert into operations (tenant_id, service_id, kind, name) select 1, s.id, 2, 'op ' || i from services s, generate_series(1, ${OPERATIONS}) i`,
);
await db.query(
  `insert into window_totals (tenant_id, window_at, n, traces, sampled_traces, duplicate_spans)
   select 1, t, 1, 1, 1, 0 from generate_series($1::timestamptz, $2::timestamptz - interval '10 seconds', interval '10 seconds') t`,
  [new Date(FROM_MS - HOUR_MS), new Date(TO_MS)],
);
/** As many buckets as a minute of an operation has: 120 spans around 100 ms. */
function aMinute(seed: number): Buffer {
  const histogram = new Histogram();
  for (let i = 0; i < 120; i++) histogram.add(100_000 * Math.exp(Math.sin(seed * 12.9898 + i * 78.233) * 0.5));
  return Buffer.from(histogram.encode());
}
for (let day = 0; day < DAYS; day++) {
  const fromMs = FROM_MS + day * DAY_MS;
  await db.query(
    `insert into minute_rollups (tenant_id, operation_id, window_at, n, error_count, weighted_n, weighted_error_count, unknown_weight_n, latency)
     select 1, o.id, t, 120, 1, 120, 1, 120, ($3::bytea[])[1 + (o.id * 7 + extract(epoch from t)::int8 / 60) % 50]
       from operations o, generate_series($1::timestamptz, $2::timestamptz - interval '1 minute', interval '1 minute') t`,
    [new Date(fromMs), new Date(fromMs + DAY_MS), Array.from({ length: 50 }, (_, i) => aMinute(i))],
  );
}
// What detection found or held back: two findings a window.
await db.query(
  `insert into anomalies (tenant_id, window_at, signal, operation_id, caller_id, raised, reason, finding)
   select 1, t, 'latency', o.id, 0, false, 'not_persistent', jsonb_build_object(
            'windowAtMs', extract(epoch from t) * 1000, 'signal', 'latency', 'operationId', o.id, 'callerId', 0, 'reason', 'not_persistent',
            'observed', 200000, 'expected', 100000, 'unit', 'us', 'n', 50, 'score', 7)
     from generate_series($1::timestamptz, $2::timestamptz - interval '10 seconds', interval '10 seconds') t
     join operations o on o.id % 100 = (extract(epoch from t)::int8 / 10) % 100`,
  [new Date(FROM_MS), new Date(TO_MS)],
);
const withCalls = process.argv.includes('--calls');
if (withCalls) {
  await db.query(
    `insert into rollups (tenant_id, operation_id, window_at, n, error_count, entries, duration_sum_us, max_duration_us, latency, sampled_n, failed_here_n, self_time, exemplars)
     select 1, o, t, 20, 0, 20, 0, 0, '', 20, 0, '', '{}'
       from generate_series(1, 20) o, generate_series($1::timestamptz, $2::timestamptz - interval '10 seconds', interval '10 seconds') t`,
    [new Date(FROM_MS), new Date(TO_MS)],
  );
  await db.query(
    `insert into edge_rollups (tenant_id, caller_id, callee_id, window_at, calls, error_count, gap)
     select 1, o, o + k, t, 20, 0, ''
       from generate_series(1, 20) o, generate_series(1, 2) k, generate_series($1::timestamptz, $2::timestamptz - interval '10 seconds', interval '10 seconds') t`,
    [new Date(FROM_MS), new Date(TO_MS)],
  );
}
await db.query(`analyze`);

const data = new ReplayData(
  new RuleHistoryStore(db),
  new AnomalyStore(db),
  new VersionStore(db),
  new TracesStore(db, new JournalReader(db, undefined as never)),
);
const worker = new BacktestWorker(new BacktestStore(db), data, new IncidentStore(db));
const rules = [
  { type: 'threshold', name: 'error rate', measure: 'error_rate', window: '5m', above: 0.05 },
  { type: 'threshold', name: 'p99', measure: 'p99', window: '5m', above: 160 },
  { type: 'burn_rate', name: 'burn rate', objective: 0.99 },
  { type: 'absence', name: 'absence', window: '10m', expectedWithin: '1d' },
  { type: 'anomaly', name: 'anomaly, high sensitivity', sensitivity: 'high', services: ['*'] },
  ...(withCalls
    ? [
        { type: 'structural', name: 'new call (20 operations, 40 calls)', change: 'new_call' },
        { type: 'structural', name: 'calls of a loop (20 operations, 40 calls)', change: 'repeated_call' },
      ]
    : []),
];
for (const input of rules) {
  const rule = {
    ...checkedRule({ services: [], ...input }),
    id: '00000000-0000-4000-8000-000000000000',
    tenantId: 1,
    epoch: 1,
  };
  const cpu = process.cpuUsage();
  const postgres = familyCpuS(Number(process.env['BENCH_POSTGRES_PID']));
  const began = performance.now();
  const progress: string[] = [];
  const { result } = await worker.run(1, rule, FROM_MS, TO_MS, async (share) => {
    progress.push(share.toFixed(2));
  });
  const { user, system } = process.cpuUsage(cpu);
  const minutes = ((TO_MS - FROM_MS) / MINUTE_MS) * OPERATIONS;
  console.log(
    `${rule.name}: ${DAYS} days of ${OPERATIONS} operations (${minutes} steps of one minute): ${((performance.now() - began) / 1_000).toFixed(1)} s, ` +
      `CPU of this process ${((user + system) / 1e6).toFixed(1)} s, of PostgreSQL ${(familyCpuS(Number(process.env['BENCH_POSTGRES_PID'])) - postgres).toFixed(1)} s, ${result.firings} firings, RSS ${(process.memoryUsage().rss / 2 ** 20).toFixed(0)} MiB, progress ${progress.join(' ')}`,
  );
}
await db.destroy();
