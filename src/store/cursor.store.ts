import { Injectable } from '@nestjs/common';
import { DataSource, type EntityManager } from 'typeorm';
import { STALLED } from './reopened.store.js';
import { PIPELINE, type Progress, type StageSpec, WINDOW_STAGES, type WindowStage } from '../pipeline.js';

export interface Claim {
  tenantId: number;
  stage: WindowStage;
  /** Work covers [fromMs, toMs). */
  fromMs: number;
  toMs: number;
}

interface CursorRow {
  tenant_id: number;
  stage: WindowStage;
  done_ms: string;
}

/** Leases last for seconds: one that lies minutes ahead was given by a clock that has been set back since. */
const isLeased = (c: string) => `(${c}.leased_until > now() and ${c}.leased_until <= now() + interval '5 minutes')`;

/** Where each stage stands for each tenant: lock, watermark and recovery in one table. */
@Injectable()
export class CursorStore {
  constructor(private readonly db: DataSource) {}

  /** Cursors of a tenant; null before its first span. Missing cursors stand at the tenant's first window. */
  async progress(tenantId: number): Promise<Progress | null> {
    const [clock] = await this.db.query<{ first_ms: string; closed_ms: string }[]>(
      `select extract(epoch from first_window_at) * 1000 as first_ms, extract(epoch from closed_through) * 1000 as closed_ms
         from tenant_clocks where tenant_id = $1`,
      [tenantId],
    );
    if (clock === undefined) return null;
    const rows = await this.db.query<CursorRow[]>(
      `select tenant_id, stage, extract(epoch from done_through) * 1000 as done_ms from stage_cursors where tenant_id = $1`,
      [tenantId],
    );
    return progressOf(Number(clock.first_ms), Number(clock.closed_ms), rows);
  }

  /** The begin of the first window that the tenant has spans of; null: it has none. */
  async firstWindowMs(tenantId: number): Promise<number | null> {
    const [clock] = await this.db.query<{ first_ms: string }[]>(
      `select extract(epoch from first_window_at) * 1000 as first_ms from tenant_clocks where tenant_id = $1`,
      [tenantId],
    );
    return clock === undefined ? null : Number(clock.first_ms);
  }

  /**
   * Takes the lease on a stage of a tenant when there is work and nobody else holds it; null otherwise. At most `maxSteps` steps.
   * A crashed owner's lease ends by itself; one that a clock gave which has been set back is over.
   */
  async claim(
    spec: StageSpec,
    tenantId: number,
    owner: string,
    leaseS: number,
    maxSteps: number,
  ): Promise<Claim | null> {
    const progress = await this.progress(tenantId);
    if (progress === null) return null;
    const fromMs = progress[spec.stage];
    const steps = Math.min(maxSteps, Math.floor((spec.ready(progress) - fromMs) / spec.stepMs));
    if (steps <= 0) return null;
    const [claimed] = await this.db.query<{ done_ms: string }[]>(
      `insert into stage_cursors as c (tenant_id, stage, done_through, leased_by, leased_until)
            values ($1, $2, to_timestamp($3 / 1000.0), $4, now() + make_interval(secs => $5))
       on conflict (tenant_id, stage) do update
               set leased_by = excluded.leased_by, leased_until = excluded.leased_until
             where ${isLeased('c')} is not true or c.leased_by = excluded.leased_by
         returning extract(epoch from done_through) * 1000 as done_ms`,
      [tenantId, spec.stage, fromMs, owner, leaseS],
    );
    if (claimed === undefined) return null;
    // Somebody may have moved it between reading and claiming; then this claim holds nothing to do and the next bell finds the rest.
    if (Number(claimed.done_ms) !== fromMs) {
      await this.release(tenantId, spec.stage, owner);
      return null;
    }
    return { tenantId, stage: spec.stage, fromMs, toMs: fromMs + steps * spec.stepMs };
  }

  /** Moves the cursor inside the caller's transaction. Throws when the lease was lost, so that nothing of it is committed. */
  async advance(tx: EntityManager, claim: Claim, owner: string): Promise<void> {
    const moved = await tx.query<[unknown[], number]>(
      `update stage_cursors set done_through = to_timestamp($3 / 1000.0), failures = 0, last_error = null
        where tenant_id = $1 and stage = $2 and leased_by = $4 and done_through = to_timestamp($5 / 1000.0)`,
      [claim.tenantId, claim.stage, claim.toMs, owner, claim.fromMs],
    );
    if (moved[1] !== 1) throw new Error(`lost the lease on ${claim.stage} of tenant ${claim.tenantId}`);
  }

  /** Extends the lease of an owner that is still at work. */
  async renew(tenantId: number, stage: WindowStage, owner: string, leaseS: number): Promise<void> {
    await this.db.query(
      `update stage_cursors set leased_until = now() + make_interval(secs => $4)
        where tenant_id = $1 and stage = $2 and leased_by = $3`,
      [tenantId, stage, owner, leaseS],
    );
  }

  async release(tenantId: number, stage: WindowStage, owner: string): Promise<void> {
    await this.db.query(
      `update stage_cursors set leased_by = null, leased_until = null where tenant_id = $1 and stage = $2 and leased_by = $3`,
      [tenantId, stage, owner],
    );
  }

  async recordFailure(tenantId: number, stage: WindowStage, owner: string, message: string): Promise<void> {
    await this.db.query(
      `update stage_cursors set failures = failures + 1, last_error = $4, leased_by = null, leased_until = null
        where tenant_id = $1 and stage = $2 and leased_by = $3`,
      [tenantId, stage, owner, message.slice(0, 500)],
    );
  }

  /** Every stage that has work and no live lease: what the tick rings, also after the queue lost everything. */
  async due(): Promise<{ job: WindowStage; tenantId: number }[]> {
    const clocks = await this.db.query<{ tenant_id: number; first_ms: string; closed_ms: string }[]>(
      `select tenant_id, extract(epoch from first_window_at) * 1000 as first_ms, extract(epoch from closed_through) * 1000 as closed_ms
         from tenant_clocks`,
    );
    const rows = await this.db.query<(CursorRow & { leased: boolean })[]>(
      `select tenant_id, stage, extract(epoch from done_through) * 1000 as done_ms, coalesce(${isLeased('c')}, false) as leased
         from stage_cursors c`,
    );
    const reopened = await this.db.query<{ tenant_id: number }[]>(
      `select distinct tenant_id from reopened_windows where marked_at <= now() - ${STALLED}`,
    );
    const due = new Map<string, { job: WindowStage; tenantId: number }>();
    for (const clock of clocks) {
      const mine = rows.filter((row) => row.tenant_id === clock.tenant_id);
      const leased = new Set(mine.filter((row) => row.leased).map((row) => row.stage));
      const progress = progressOf(Number(clock.first_ms), Number(clock.closed_ms), mine);
      for (const spec of PIPELINE) {
        if (leased.has(spec.stage) || spec.ready(progress) - progress[spec.stage] < spec.stepMs) continue;
        due.set(`${spec.stage}:${clock.tenant_id}`, { job: spec.stage, tenantId: clock.tenant_id });
      }
    }
    for (const { tenant_id } of reopened) due.set(`measure:${tenant_id}`, { job: 'measure', tenantId: tenant_id });
    return [...due.values()];
  }
}

function progressOf(firstMs: number, closedMs: number, rows: readonly CursorRow[]): Progress {
  const progress = Object.fromEntries(WINDOW_STAGES.map((stage) => [stage, firstMs])) as Progress;
  for (const row of rows) progress[row.stage] = Number(row.done_ms);
  progress.closed = closedMs;
  return progress;
}
