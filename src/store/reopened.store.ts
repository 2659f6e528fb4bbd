import { Injectable } from '@nestjs/common';
import { DataSource, type EntityManager } from 'typeorm';
import type { WindowMeasure } from '../model/rollup.js';
import { CompactionStore } from './compaction.store.js';
import { RollupStore } from './rollup.store.js';

/** An interval after which (wall clock) late spans are not kept waiting for event time any more, which may have come to its end. */
export const STALLED = `interval '60 seconds'`;

/** A window that late spans opened again. */
export interface Reopened {
  windowAtMs: number;
  /** Whatever comes late raises it. */
  changes: string;
}

/** Windows that late spans opened again. */
@Injectable()
export class ReopenedStore {
  constructor(
    private readonly db: DataSource,
    private readonly rollups: RollupStore,
    private readonly compactions: CompactionStore,
  ) {}

  /** Those that start before this instant, oldest first. */
  async before(tenantId: number, instantMs: number): Promise<Reopened[]> {
    return this.read(`tenant_id = $1 and window_at < $2`, [tenantId, new Date(instantMs)]);
  }

  /** Those that the measuring cursor has passed and that have waited long. */
  async stalled(tenantId: number): Promise<Reopened[]> {
    return this.read(
      `tenant_id = $1 and marked_at <= now() - ${STALLED}
       and window_at < (select done_through from stage_cursors where tenant_id = $1 and stage = 'measure')`,
      [tenantId],
    );
  }

  /**
   * Puts a window that was measured again (null: nothing is left of it) in place of what was measured before, its minute and hour included. What
   * came late since `reopened` was read leaves it open. To be called before the minutes of the same transaction are written.
   */
  async replace(
    tx: EntityManager,
    tenantId: number,
    { windowAtMs, changes }: Reopened,
    window: WindowMeasure | null,
  ): Promise<void> {
    if (window !== null) {
      await this.compactions.redo(tx, tenantId, windowAtMs, () => this.rollups.replace(tx, tenantId, [window]));
    }
    // Last: senders of late spans wait for this row.
    await tx.query(`delete from reopened_windows where tenant_id = $1 and window_at = $2 and changes = $3`, [
      tenantId,
      new Date(windowAtMs),
      changes,
    ]);
  }

  /** The same in a transaction of its own. */
  async replaceNow(tenantId: number, reopened: Reopened, window: WindowMeasure | null): Promise<void> {
    await this.db.transaction((tx) => this.replace(tx, tenantId, reopened, window));
  }

  private async read(where: string, values: unknown[]): Promise<Reopened[]> {
    const rows = await this.db.query<{ at_ms: string; changes: string }[]>(
      `select extract(epoch from window_at) * 1000 as at_ms, changes from reopened_windows where ${where} order by window_at`,
      values,
    );
    return rows.map(({ at_ms, changes }) => ({ windowAtMs: Number(at_ms), changes }));
  }
}
