import { Injectable } from '@nestjs/common';
import { randomUUID } from 'node:crypto';
import { DataSource } from 'typeorm';
import { Rejected } from '../model/failure.js';

/** A replay of a rule over the past, under way or done. */
export interface Backtest {
  id: string;
  state: 'running' | 'done' | 'failed';
  progress: number;
  fromMs: number;
  toMs: number;
  result: unknown;
  error: string | null;
}

/** Whoever runs one says so at least as often; one that is silent for longer was interrupted. */
const SILENT_S = 60;
/** Kept of a tenant; the oldest go. */
const MAX_KEPT = 100;

/** Backtests and how far they have come. */
@Injectable()
export class BacktestStore {
  constructor(private readonly db: DataSource) {}

  async begin(tenantId: number, rule: unknown, fromMs: number, toMs: number): Promise<string> {
    const id = randomUUID();
    await this.db.query(
      `insert into backtests (tenant_id, id, rule, from_at, to_at, state) values ($1, $2, $3, $4, $5, 'running')`,
      [tenantId, id, JSON.stringify(rule), new Date(fromMs), new Date(toMs)],
    );
    await this.db.query(
      `delete from backtests where tenant_id = $1 and id in (
         select id from backtests where tenant_id = $1 order by created_at desc offset ${MAX_KEPT})`,
      [tenantId],
    );
    return id;
  }

  async progress(tenantId: number, id: string, progress: number): Promise<void> {
    await this.db.query(`update backtests set progress = $3, updated_at = now() where tenant_id = $1 and id = $2`, [
      tenantId,
      id,
      progress,
    ]);
  }

  async done(tenantId: number, id: string, result: unknown): Promise<void> {
    await this.db.query(
      `update backtests set state = 'done', progress = 1, result = $3, updated_at = now() where tenant_id = $1 and id = $2`,
      [tenantId, id, JSON.stringify(result)],
    );
  }

  async failed(tenantId: number, id: string, error: string): Promise<void> {
    await this.db.query(
      `update backtests set state = 'failed', error = $3, updated_at = now() where tenant_id = $1 and id = $2`,
      [tenantId, id, error.slice(0, 500)],
    );
  }

  /** Throws Rejected 404. */
  async get(tenantId: number, id: string): Promise<Backtest> {
    const [row]: Backtest[] = await this.db.query(
      `select id, progress, (extract(epoch from from_at) * 1000)::float8 as "fromMs", (extract(epoch from to_at) * 1000)::float8 as "toMs",
              result,
              case when state = 'running' and updated_at < now() - interval '${SILENT_S} s' then 'failed' else state end as state,
              case when state = 'running' and updated_at < now() - interval '${SILENT_S} s' then 'it was interrupted; start it again'
                   else error end as error
         from backtests where tenant_id = $1 and id = $2`,
      [tenantId, id],
    );
    if (row === undefined) throw new Rejected('not_found', `there is no backtest ${id}`, 404);
    return row;
  }
}
