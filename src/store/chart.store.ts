import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { Histogram } from '../model/histogram.js';
import type { ChartedRule, OperationStep } from '../model/operation-step.js';
import { MINUTE_MS } from '../model/window.js';
import { epochMs } from './epoch-ms.js';

const MAX_STEPS = 1_500;

/** What pictures in messages are drawn from. */
@Injectable()
export class ChartStore {
  constructor(private readonly db: DataSource) {}

  /** What the threshold rule measures; null: it is another kind of rule, or gone. */
  async rule(tenantId: number, ruleId: string): Promise<ChartedRule | null> {
    const [row]: ChartedRule[] = await this.db.query(
      `select definition ->> 'measure' as measure, definition -> 'above' = 'null' as "isBelow"
         from rules where tenant_id = $1 and id = $2 and type = 'threshold'`,
      [tenantId, ruleId],
    );
    return row ?? null;
  }

  /** What the operation of that name did in [fromMs, toMs), step by step; of several kinds the one with most spans. Minutes have no self time. */
  async steps(
    tenantId: number,
    { service, operation }: { service: string; operation: string },
    { fromMs, toMs, stepMs }: { fromMs: number; toMs: number; stepMs: number },
  ): Promise<OperationStep[]> {
    const rows: (Omit<OperationStep, 'latency' | 'selfTime'> & {
      id: number;
      latency: Buffer;
      selfTime: Buffer | null;
    })[] = await this.db.query(
      `select operation_id as id, ${epochMs('window_at')} as "atMs", n::float8 as n, error_count::float8 as errors, latency,
                ${stepMs >= MINUTE_MS ? `null as "selfTime" from minute_rollups` : `self_time as "selfTime" from rollups`}
          where tenant_id = $1 and window_at >= $4 and window_at < $5
            and operation_id = any (array(
              select o.id from operations o join services s on s.id = o.service_id and s.tenant_id = o.tenant_id
               where o.tenant_id = $1 and s.name = $2 and o.name = $3))
          order by window_at limit ${MAX_STEPS}`,
      [tenantId, service, operation, new Date(fromMs), new Date(toMs)],
    );
    const spans = new Map<number, number>();
    for (const { id, n } of rows) spans.set(id, (spans.get(id) ?? 0) + n);
    const [most] = [...spans].toSorted(([, a], [, b]) => b - a);
    return rows
      .filter(({ id }) => id === most?.[0])
      .map(({ atMs, n, errors, latency, selfTime }) => ({
        atMs,
        n,
        errors,
        latency: Histogram.decode(latency),
        selfTime: Histogram.decode(selfTime ?? new Uint8Array(0)),
      }));
  }
}
