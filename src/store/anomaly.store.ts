import { Injectable } from '@nestjs/common';
import { DataSource, type EntityManager } from 'typeorm';
import type { Finding } from '../model/anomaly.js';
import type { AnomalyGroup } from '../model/group.js';
import type { Operation } from '../model/operation.js';

/** Verdicts of windows and the groups made of them. */
@Injectable()
export class AnomalyStore {
  constructor(private readonly db: DataSource) {}

  /** Puts these findings in place of whatever was found in [fromMs, toMs) before. */
  async replaceFindings(
    tx: EntityManager,
    tenantId: number,
    fromMs: number,
    toMs: number,
    findings: readonly Finding[],
  ): Promise<void> {
    await clear(tx, 'anomalies', tenantId, fromMs, toMs);
    if (findings.length === 0) return;
    await tx.query(
      `insert into anomalies (tenant_id, window_at, signal, operation_id, caller_id, raised, reason, finding)
       select $1, * from unnest($2::timestamptz[], $3::text[], $4::int4[], $5::int4[], $6::bool[], $7::text[], $8::jsonb[])`,
      [
        tenantId,
        findings.map((finding) => new Date(finding.windowAtMs)),
        findings.map((finding) => finding.signal),
        findings.map((finding) => finding.operationId),
        findings.map((finding) => finding.callerId),
        findings.map((finding) => finding.raised),
        findings.map((finding) => finding.reason),
        findings.map((finding) => JSON.stringify(finding)),
      ],
    );
  }

  /** Raised findings of the windows that start in [fromMs, toMs). */
  async raised(tenantId: number, fromMs: number, toMs: number): Promise<Finding[]> {
    return this.findings(tenantId, fromMs, toMs, true);
  }

  /** The same with those that were held back. */
  async findings(tenantId: number, fromMs: number, toMs: number, onlyRaised = false): Promise<Finding[]> {
    const rows = await this.db.query<{ finding: Finding }[]>(
      `select finding from anomalies
        where tenant_id = $1 and window_at >= $2 and window_at < $3 and (raised or not $4)
        order by window_at, signal, operation_id, caller_id`,
      [tenantId, new Date(fromMs), new Date(toMs), onlyRaised],
    );
    return rows.map((row) => row.finding);
  }

  async replaceGroups(
    tx: EntityManager,
    tenantId: number,
    fromMs: number,
    toMs: number,
    groups: readonly AnomalyGroup[],
  ): Promise<void> {
    await clear(tx, 'anomaly_groups', tenantId, fromMs, toMs);
    if (groups.length === 0) return;
    const numbers = new Map<number, number>();
    await tx.query(
      `insert into anomaly_groups (tenant_id, window_at, group_no, body)
       select $1, * from unnest($2::timestamptz[], $3::int4[], $4::jsonb[])`,
      [
        tenantId,
        groups.map((group) => new Date(group.windowAtMs)),
        groups.map((group) => {
          const no = numbers.get(group.windowAtMs) ?? 0;
          numbers.set(group.windowAtMs, no + 1);
          return no;
        }),
        groups.map((group) => JSON.stringify(group)),
      ],
    );
  }

  async groups(tenantId: number, fromMs: number, toMs: number): Promise<AnomalyGroup[]> {
    const rows = await this.db.query<{ body: AnomalyGroup }[]>(
      `select body from anomaly_groups where tenant_id = $1 and window_at >= $2 and window_at < $3 order by window_at, group_no`,
      [tenantId, new Date(fromMs), new Date(toMs)],
    );
    return rows.map((row) => row.body);
  }

  async operations(tenantId: number): Promise<Map<number, Operation>> {
    const rows = await this.db.query<Operation[]>(
      `select o.id, o.service_id as "serviceId", s.name as service, o.name, o.kind
         from operations o join services s on s.id = o.service_id
        where o.tenant_id = $1`,
      [tenantId],
    );
    return new Map(rows.map((operation) => [operation.id, operation]));
  }
}

async function clear(
  tx: EntityManager,
  table: 'anomalies' | 'anomaly_groups',
  tenantId: number,
  fromMs: number,
  toMs: number,
): Promise<void> {
  await tx.query(`delete from ${table} where tenant_id = $1 and window_at >= $2 and window_at < $3`, [
    tenantId,
    new Date(fromMs),
    new Date(toMs),
  ]);
}
