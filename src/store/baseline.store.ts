import { Injectable } from '@nestjs/common';
import { DataSource, type EntityManager } from 'typeorm';
import {
  type Baselines,
  type EdgeBaseline,
  edgeKey,
  emptyEdgeBaseline,
  emptyOperationBaseline,
  type OperationBaseline,
} from '../model/baseline.js';
import type { EventBaselines, EventKnowledge } from '../model/event.js';
import { passWindows } from '../model/fading.js';
import { Histogram } from '../model/histogram.js';
import { emptySpread, type Spread } from '../model/spread.js';
import { EventStore } from './event.store.js';

/** What a tenant's stage of baselines has learned. */
export type Learned = Pick<Baselines, 'operations' | 'edges'> & { events: EventBaselines };

interface OperationRow {
  operation_id: number;
  state: OperationState;
  written_ms: string;
}

interface SeenMinute {
  atMs: number;
  windows: number;
}

/** What is normal, as one row an operation and one a pair of caller and callee. */
@Injectable()
export class BaselineStore {
  constructor(
    private readonly db: DataSource,
    private readonly events: EventStore,
  ) {}

  /** As of the cursor of the stage; null before its first minute. */
  async load(tenantId: number, throughMs: number | null): Promise<Learned> {
    const [operations, edges, events] = await Promise.all([
      this.db.query<OperationRow[]>(
        `select operation_id, state, extract(epoch from learned_through) * 1000 as written_ms
           from baselines where tenant_id = $1 order by operation_id`,
        [tenantId],
      ),
      this.db.query<{ caller_id: number; callee_id: number; state: EdgeState }[]>(
        `select caller_id, callee_id, state from edge_baselines where tenant_id = $1 order by caller_id, callee_id`,
        [tenantId],
      ),
      this.events.baselines(tenantId),
    ]);
    const minutes = await this.minutesSince(tenantId, operations, throughMs);
    return {
      events,
      operations: new Map(operations.map((row) => [row.operation_id, caughtUp(row, minutes)])),
      edges: new Map(edges.map((row) => [edgeKey(row.caller_id, row.callee_id), edgeOf(row.state)])),
    };
  }

  /** Minutes in which anything was seen, and in how many windows, since the operation was written that was written longest ago. */
  private async minutesSince(
    tenantId: number,
    operations: readonly OperationRow[],
    throughMs: number | null,
  ): Promise<SeenMinute[]> {
    const fromMs = operations.reduce((least, { written_ms }) => Math.min(least, Number(written_ms)), throughMs ?? 0);
    if (fromMs >= (throughMs ?? 0)) return [];
    const rows = await this.db.query<{ minute_ms: string; windows: number }[]>(
      `select extract(epoch from date_trunc('minute', window_at)) * 1000 as minute_ms, count(*)::int4 as windows
         from window_totals where tenant_id = $1 and n > 0 and window_at >= $2 and window_at < $3 group by 1 order by 1`,
      [tenantId, new Date(fromMs), new Date(throughMs ?? 0)],
    );
    return rows.map(({ minute_ms, windows }) => ({ atMs: Number(minute_ms), windows }));
  }

  /** Writes those that changed. */
  async save(
    tx: EntityManager,
    tenantId: number,
    learnedThroughMs: number,
    baselines: Omit<Baselines, 'events'> & { events?: Pick<EventKnowledge, 'baselines'> },
    changed: { operations: ReadonlySet<number>; edges: ReadonlySet<string>; events: ReadonlySet<string> },
  ): Promise<void> {
    const through = new Date(learnedThroughMs);
    if (baselines.events !== undefined) {
      await this.events.saveBaselines(tx, tenantId, learnedThroughMs, baselines.events.baselines, changed.events);
    }
    const operations = [...changed.operations];
    if (operations.length > 0) {
      await tx.query(
        `insert into baselines (tenant_id, learned_through, operation_id, state)
         select $1, $2, * from unnest($3::int4[], $4::jsonb[])
         on conflict (operation_id) do update set learned_through = excluded.learned_through, state = excluded.state`,
        [
          tenantId,
          through,
          operations,
          operations.map((id) => JSON.stringify(operationState(baselines.operations.get(id)!))),
        ],
      );
    }
    const edges = [...changed.edges];
    if (edges.length > 0) {
      const ends = edges.map((key) => key.split('>').map(Number) as [number, number]);
      await tx.query(
        `insert into edge_baselines (tenant_id, learned_through, caller_id, callee_id, state)
         select $1, $2, * from unnest($3::int4[], $4::int4[], $5::jsonb[])
         on conflict (caller_id, callee_id) do update set learned_through = excluded.learned_through, state = excluded.state`,
        [
          tenantId,
          through,
          ends.map(([caller]) => caller),
          ends.map(([, callee]) => callee),
          edges.map((key) => JSON.stringify(edgeState(baselines.edges.get(key)!))),
        ],
      );
    }
  }
}

/**
 * Rows hold what was known when they were written; what a later version measures beyond that starts empty. Histograms are base64, spreads
 * the sums and counts of their levels one after another.
 */
type Packed<T, H extends keyof T, S extends keyof T> = Omit<T, H | S | 'shapes'> &
  Record<H, string> &
  Partial<Record<S, number[]>>;
type OperationState = Packed<OperationBaseline, 'latency' | 'selfTime', 'latencySpread' | 'selfTimeSpread'> & {
  shapes?: Record<string, number>;
};
type EdgeState = Packed<EdgeBaseline, 'gap', 'gapSpread'>;

/** Of an operation that was not seen since its row was written nothing has changed but that time passed. */
function caughtUp({ state, written_ms }: OperationRow, minutes: readonly SeenMinute[]): OperationBaseline {
  const baseline = operationOf(state);
  for (const { atMs, windows } of minutes) if (atMs >= Number(written_ms)) passWindows(baseline, windows);
  return baseline;
}

function operationState(baseline: OperationBaseline): OperationState {
  return {
    ...baseline,
    latency: packed(baseline.latency),
    selfTime: packed(baseline.selfTime),
    latencySpread: packedSpread(baseline.latencySpread),
    selfTimeSpread: packedSpread(baseline.selfTimeSpread),
    shapes: Object.fromEntries(baseline.shapes),
  };
}

function operationOf(state: OperationState): OperationBaseline {
  return {
    ...emptyOperationBaseline(),
    ...state,
    latency: unpacked(state.latency),
    selfTime: unpacked(state.selfTime),
    latencySpread: unpackedSpread(state.latencySpread),
    selfTimeSpread: unpackedSpread(state.selfTimeSpread),
    shapes: new Map(Object.entries(state.shapes ?? {})),
  };
}

function edgeState(baseline: EdgeBaseline): EdgeState {
  return { ...baseline, gap: packed(baseline.gap), gapSpread: packedSpread(baseline.gapSpread) };
}

function edgeOf(state: EdgeState): EdgeBaseline {
  return {
    ...emptyEdgeBaseline(),
    ...state,
    gap: unpacked(state.gap),
    gapSpread: unpackedSpread(state.gapSpread),
  };
}

function packedSpread(spread: Spread): number[] {
  return Object.values(spread)
    .flat()
    .flatMap(({ sum, n }) => [sum, n]);
}

function unpackedSpread(numbers: number[] | undefined): Spread {
  const spread = emptySpread();
  const all = Object.values(spread).flat();
  if (numbers?.length !== all.length * 2) return spread;
  all.forEach((dispersion, i) => {
    dispersion.sum = numbers[2 * i]!;
    dispersion.n = numbers[2 * i + 1]!;
  });
  return spread;
}

function packed(histogram: Histogram): string {
  return Buffer.from(histogram.encode()).toString('base64');
}

function unpacked(text: string): Histogram {
  return Histogram.decode(Buffer.from(text, 'base64'));
}
