import { Injectable } from '@nestjs/common';
import { DataSource, type EntityManager } from 'typeorm';

/** Traces of one window that match a rule, under one set of labels. */
export interface RuleMatches {
  ruleId: string;
  epoch: number;
  windowAtMs: number;
  labels: Record<string, string>;
  n: number;
  lookedAt: number;
  exemplars: string[];
}

/** How many traces of each window matched which rule. */
@Injectable()
export class RuleMatchStore {
  constructor(private readonly db: DataSource) {}

  /** Of the windows that start in [fromMs, toMs), oldest first; what a rule matched before it was changed is left out. */
  async load(tenantId: number, fromMs: number, toMs: number): Promise<RuleMatches[]> {
    return this.db.query(
      `select m.rule_id as "ruleId", rule_epoch as epoch, (extract(epoch from window_at) * 1000)::float8 as "windowAtMs", labels, n,
              looked_at as "lookedAt", exemplars
         from rule_matches m join rules r on r.tenant_id = m.tenant_id and r.id = m.rule_id and r.epoch = m.rule_epoch
        where m.tenant_id = $1 and window_at >= $2 and window_at < $3 order by window_at, label_key`,
      [tenantId, new Date(fromMs), new Date(toMs)],
    );
  }

  async save(tx: EntityManager, tenantId: number, matches: readonly RuleMatches[]): Promise<void> {
    if (matches.length === 0) return;
    await tx.query(
      `insert into rule_matches (tenant_id, rule_id, rule_epoch, window_at, labels, label_key, n, looked_at, exemplars)
       select $1, * from unnest($2::uuid[], $3::int4[], $4::timestamptz[], $5::jsonb[], $6::text[], $7::int4[], $8::int4[], $9::jsonb[])
       on conflict (tenant_id, rule_id, window_at, label_key) do update
          set rule_epoch = excluded.rule_epoch, n = excluded.n, looked_at = excluded.looked_at, exemplars = excluded.exemplars`,
      [
        tenantId,
        matches.map(({ ruleId }) => ruleId),
        matches.map(({ epoch }) => epoch),
        matches.map(({ windowAtMs }) => new Date(windowAtMs)),
        matches.map(({ labels }) => JSON.stringify(labels)),
        matches.map(({ labels }) => JSON.stringify(Object.entries(labels).sort())),
        matches.map(({ n }) => n),
        matches.map(({ lookedAt }) => lookedAt),
        matches.map(({ exemplars }) => JSON.stringify(exemplars)),
      ],
    );
  }
}
