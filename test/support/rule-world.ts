import { EvaluateWorker } from '../../src/alert/evaluate.worker.js';
import { checkedRule } from '../../src/alert/rules-contract.js';
import { Partitions } from '../../src/journal/partitions.js';
import { JournalReader } from '../../src/journal/read.js';
import { TracesStore } from '../../src/journal/traces.store.js';
import { Histogram } from '../../src/model/histogram.js';
import type { Rule } from '../../src/model/rule.js';
import { emptyRollup, type WindowMeasure } from '../../src/model/rollup.js';
import { HOUR_MS, WINDOW_MS } from '../../src/model/window.js';
import { StageRunner } from '../../src/stage-runner.js';
import { AlertStore } from '../../src/store/alert.store.js';
import { AnomalyStore } from '../../src/store/anomaly.store.js';
import { CompactionStore } from '../../src/store/compaction.store.js';
import { CursorStore } from '../../src/store/cursor.store.js';
import { createDataSource } from '../../src/store/data-source.js';
import { RollupStore } from '../../src/store/rollup.store.js';
import { RuleHistoryStore } from '../../src/store/rule-history.store.js';
import { RuleMatchStore } from '../../src/store/rule-match.store.js';
import { RuleStore } from '../../src/store/rule.store.js';
import { VersionStore } from '../../src/store/version.store.js';
import { createTestDatabase } from './database.js';

/** What an operation of `rule-world` did in one window. */
export interface Did {
  service: string;
  operation: string;
  n: number;
  errors?: number;
  ms?: number;
  /** Calls to other operations, in sampled traces; then its spans are sampled, all of them. */
  calls?: { service: string; operation: string; n: number }[];
}

export const BEGAN_MS = Date.parse('2026-11-20T12:00:00Z');

/** A database in which windows are measured by hand, and workers that evaluate rules on it. */
export async function startRuleWorld(name: string) {
  const database = await createTestDatabase(name);
  const db = await createDataSource(database.url, 6).initialize();
  await db.runMigrations();
  await new Partitions(db).open([BEGAN_MS, BEGAN_MS + 24 * HOUR_MS], BEGAN_MS);
  await db.query(`insert into tenant_clocks (tenant_id, first_window_at, closed_through) values (1, $1, $1)`, [
    new Date(BEGAN_MS),
  ]);
  const rules = new RuleStore(db);
  const rollups = new RollupStore(db);
  const compactions = new CompactionStore(db);
  const ids = new Map<string, number>();
  let windows = 0;

  const idOf = async (service: string, operation: string): Promise<number> => {
    const known = ids.get(`${service} ${operation}`);
    if (known !== undefined) return known;
    await db.query(`insert into services (tenant_id, name) values (1, $1) on conflict do nothing`, [service]);
    const [row]: { id: number }[] = await db.query(
      `insert into operations (tenant_id, service_id, kind, name) select 1, id, 2, $2 from services where name = $1
       on conflict (service_id, kind, name) do update set name = excluded.name returning id`,
      [service, operation],
    );
    ids.set(`${service} ${operation}`, row!.id);
    return row!.id;
  };

  /** A process of its own: it remembers nothing of another. */
  const worker = (): EvaluateWorker =>
    new EvaluateWorker(
      new StageRunner(db, new CursorStore(db), { ring: async () => undefined } as never),
      rules,
      new AlertStore(db),
      new RuleHistoryStore(db),
      new RuleMatchStore(db),
      new AnomalyStore(db),
      new VersionStore(db),
      new TracesStore(db, new JournalReader(db, undefined as never)),
      { publicUrl: 'http://trace.test' },
    );

  return {
    url: database.url,
    db,
    rules,
    worker,
    rule: (input: object): Promise<Rule> => rules.create(1, checkedRule({ services: [], ...input })),
    /** Measures the next windows; null is one of which nothing is known. */
    measure: async (next: (Did[] | null)[]): Promise<void> => {
      const fromMs = BEGAN_MS + windows * WINDOW_MS;
      const measured: WindowMeasure[] = [];
      for (const [i, dids] of next.entries()) {
        const windowAtMs = fromMs + i * WINDOW_MS;
        if (dids === null) continue;
        const window = windowOf(windowAtMs);
        for (const { service, operation, n, errors = 0, ms = 100, calls } of dids) {
          const latency = new Histogram();
          latency.add(1_000 * ms, n);
          window.n += n;
          window.rollups.push({
            ...emptyRollup(await idOf(service, operation), windowAtMs),
            n,
            errors,
            latency,
            failed: errors > 0 ? ['ab'.repeat(16)] : [],
            sampledN: calls === undefined ? 0 : n,
          });
          for (const callee of calls ?? []) {
            window.edges.push({
              callerId: await idOf(service, operation),
              calleeId: await idOf(callee.service, callee.operation),
              windowAtMs,
              calls: callee.n,
              errors: 0,
              gap: new Histogram(),
            });
          }
        }
        measured.push(window);
      }
      windows += next.length;
      const toMs = BEGAN_MS + windows * WINDOW_MS;
      await db.transaction(async (tx) => {
        await rollups.replace(tx, 1, measured);
        await compactions.compact(tx, 1, fromMs, toMs);
      });
      await db.query(`update tenant_clocks set closed_through = $1`, [new Date(toMs)]);
      for (const stage of ['measure', 'detect', 'rank', 'incident', 'baseline', 'correlate']) {
        await db.query(
          `insert into stage_cursors (tenant_id, stage, done_through) values (1, $1, $2)
           on conflict (tenant_id, stage) do update set done_through = excluded.done_through`,
          [stage, new Date(toMs)],
        );
      }
    },
    /** Every change of state so far: `<seconds> <service>/<operation> from>to reason`. */
    transitions: async (): Promise<string[]> => {
      const rows: { s: number; labels: Record<string, string>; sequence: number; text: string }[] = await db.query(
        `select extract(epoch from at - $1)::int4 as s, snapshot -> 'labels' as labels, sequence,
                from_state || '>' || to_state || ' ' || reason as text
           from alert_transitions order by at, alert_id, sequence`,
        [new Date(BEGAN_MS)],
      );
      return rows.map(({ s, labels, sequence, text }) => `${s} ${labels['operation'] ?? '-'} ${sequence} ${text}`);
    },
    close: async (): Promise<void> => {
      await db.destroy();
      await database.drop();
    },
  };
}

export type RuleWorld = Awaited<ReturnType<typeof startRuleWorld>>;

function windowOf(windowAtMs: number): WindowMeasure {
  return { windowAtMs, n: 0, traces: 0, sampledTraces: 0, duplicateSpans: 0, rollups: [], edges: [] };
}
