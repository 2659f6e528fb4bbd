import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import type { WindowMeasure } from '../model/rollup.js';
import { CompactionStore } from './compaction.store.js';
import { RollupStore } from './rollup.store.js';

/** Windows that late spans opened again. */
@Injectable()
export class ReopenedStore {
  constructor(
    private readonly db: DataSource,
    private readonly rollups: RollupStore,
    private readonly compactions: CompactionStore,
  ) {}

  /**
   * Measures each reopened window that the measuring cursor has passed once more, and replaces its rollups, those of its minute and hour included. The mark is taken first and
   * in the same transaction: spans that arrive meanwhile leave a new mark.
   */
  async work(tenantId: number, measure: (windowAtMs: number) => Promise<WindowMeasure[]>): Promise<void> {
    const due = await this.db.query<{ at_ms: string }[]>(
      `select extract(epoch from window_at) * 1000 as at_ms
         from reopened_windows r
        where tenant_id = $1
          and window_at < (select done_through from stage_cursors where tenant_id = $1 and stage = 'measure')
        order by window_at`,
      [tenantId],
    );
    for (const { at_ms } of due) {
      const windowAtMs = Number(at_ms);
      await this.db.transaction(async (tx) => {
        const [, taken] = await tx.query<[unknown[], number]>(
          `delete from reopened_windows where tenant_id = $1 and window_at = $2`,
          [tenantId, new Date(windowAtMs)],
        );
        if (taken !== 1) return;
        const windows = await measure(windowAtMs);
        await this.compactions.redo(tx, tenantId, windowAtMs, () => this.rollups.replace(tx, tenantId, windows));
      });
    }
  }
}
