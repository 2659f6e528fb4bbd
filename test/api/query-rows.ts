import { createHash, randomBytes, randomUUID } from 'node:crypto';
import type pg from 'pg';
import { Histogram } from '../../src/model/histogram.js';

/** Rows as the stages write them, for tests that only read. */
export class QueryRows {
  constructor(private readonly db: pg.Client) {}

  /** A tenant and a key of it with the scopes. */
  async tenant(name: string, scopes: string[]): Promise<{ tenantId: number; key: string }> {
    const tenantId = await this.one<number>(`insert into tenants (name) values ($1) returning id as value`, [name]);
    return { tenantId, key: await this.key(tenantId, scopes) };
  }

  async key(tenantId: number, scopes: string[]): Promise<string> {
    const prefix = randomBytes(4).toString('hex');
    const key = `th_${prefix}_${randomBytes(32).toString('base64url')}`;
    await this.db.query(
      `insert into api_keys (tenant_id, name, token_prefix, token_hash, scopes) values ($1, $2, $2, $3, $4)`,
      [tenantId, prefix, createHash('sha256').update(key).digest(), scopes],
    );
    return key;
  }

  async operation(tenantId: number, service: string, name: string, kind = 2): Promise<number> {
    const serviceId = await this.one<number>(
      `insert into services (tenant_id, name) values ($1, $2)
       on conflict (tenant_id, name) do update set name = excluded.name returning id as value`,
      [tenantId, service],
    );
    return this.one<number>(
      `insert into operations (tenant_id, service_id, kind, name) values ($1, $2, $3, $4) returning id as value`,
      [tenantId, serviceId, kind, name],
    );
  }

  async rollup(
    tenantId: number,
    operationId: number,
    windowAt: string,
    durationsUs: number[],
    errors = 0,
    lateN = 0,
  ): Promise<void> {
    const latency = new Histogram();
    for (const each of durationsUs) latency.add(each);
    await this.db.query(`create table if not exists rollups_rest partition of rollups default`);
    await this.db.query(
      `insert into rollups (operation_id, window_at, tenant_id, n, error_count, entries, duration_sum_us, max_duration_us,
         latency, sampled_n, failed_here_n, self_time, exemplars, late_n)
       values ($1, $2, $3, $4, $5, 0, 0, 0, $6, 0, 0, '', '{"slowest": [], "failed": []}', $7)`,
      [operationId, windowAt, tenantId, durationsUs.length, errors, Buffer.from(latency.encode()), lateN],
    );
  }

  async baseline(tenantId: number, operationId: number, windows: number, durationsUs: number[]): Promise<void> {
    const latency = new Histogram();
    for (const each of durationsUs) latency.add(each);
    await this.db.query(
      `insert into baselines (operation_id, tenant_id, learned_through, state) values ($1, $2, now(), $3)`,
      [
        operationId,
        tenantId,
        JSON.stringify({
          windows,
          n: durationsUs.length,
          latency: Buffer.from(latency.encode()).toString('base64'),
        }),
      ],
    );
  }

  async clocks(tenantId: number, firstWindowAt: string, closedThrough: string, measured: string): Promise<void> {
    await this.db.query(`insert into tenant_clocks (tenant_id, first_window_at, closed_through) values ($1, $2, $3)`, [
      tenantId,
      firstWindowAt,
      closedThrough,
    ]);
    await this.stage(tenantId, 'measure', measured);
  }

  async stage(tenantId: number, stage: string, doneThrough: string, failures = 0): Promise<void> {
    await this.db.query(
      `insert into stage_cursors (tenant_id, stage, done_through, failures) values ($1, $2, $3, $4)`,
      [tenantId, stage, doneThrough, failures],
    );
  }

  async seen(tenantId: number, service: string, through: string): Promise<void> {
    await this.db.query(
      `insert into event_clocks (tenant_id, service_id, seen_through)
       select $1, id, $3 from services where tenant_id = $1 and name = $2`,
      [tenantId, service, through],
    );
  }

  async incident(tenantId: number, values: IncidentValues): Promise<string> {
    const {
      id = randomUUID(),
      startedAt = values.openedAt,
      resolvedAt = null,
      service = 'cart',
      cause = service,
    } = values;
    const affected = {
      operationId: 1,
      service,
      operation: 'GetCart',
      signal: 'latency',
      quantile: 0.95,
      observed: 1_900_000,
      expected: 240_000,
      unit: 'us',
      n: 120,
      score: 42,
      sinceMs: Date.parse(startedAt),
      ...(values.pooledOperations === undefined ? {} : { pooledOperations: values.pooledOperations }),
    };
    const evidence = {
      kind: 'self_time',
      text: 'self time 1.6 s, normal 20 ms',
      observed: 1_600_000,
      expected: 20_000,
      unit: 'us',
      n: 118,
      share: 0.92,
      ...(values.evidenceOf === undefined ? {} : { of: values.evidenceOf }),
    };
    const blamed = {
      operationId: 2,
      service: cause,
      operation: 'query',
      score: 0.92,
      evidence: [evidence],
      exemplars: ['a'.repeat(32)],
    };
    await this.db.query(
      `insert into incidents (id, tenant_id, state, severity, started_at, opened_at, last_seen_at, resolved_at, causes, affected, exemplars)
       values ($1, $2, $3, $4, $5, $6, $6, $7, $8, $9, $10)`,
      [
        id,
        tenantId,
        values.state ?? (resolvedAt === null ? 'open' : 'resolved'),
        values.severity ?? 'warning',
        startedAt,
        values.openedAt,
        resolvedAt,
        JSON.stringify([blamed]),
        JSON.stringify([affected]),
        JSON.stringify(['b'.repeat(32)]),
      ],
    );
    return id;
  }

  /** What came of comparing the incident's traces, in place of what came of it before. */
  async correlations(
    tenantId: number,
    incidentId: string,
    report: { outcome: string; throughMs: number; [more: string]: unknown },
  ): Promise<void> {
    await this.db.query(
      `insert into incident_correlations values ($1, $2, $3, $4, $5)
       on conflict (tenant_id, incident_id) do update set report = excluded.report`,
      [tenantId, incidentId, new Date(report.throughMs), report.outcome, JSON.stringify(report)],
    );
  }

  /** An opened event that a rule has sent to a channel: refused once, then delivered. */
  async told(tenantId: number, incidentId: string): Promise<void> {
    const [channelId, ruleId, notificationId] = [randomUUID(), randomUUID(), randomUUID()];
    await this.db.query(
      `insert into channels (id, tenant_id, name, type, secret, url_shown) values ($1, $2, 'on call', 'webhook', '', 'https://…')`,
      [channelId, tenantId],
    );
    await this.db.query(
      `insert into incident_events (incident_id, sequence, tenant_id, kind, at, reason, snapshot, decided_at)
       select id, 1, tenant_id, 'opened', '2026-03-01T12:00:10Z', 'deviates', jsonb_build_object(
         'id', id, 'tenantId', tenant_id, 'state', 'open', 'severity', severity, 'causes', causes, 'affected', affected, 'exemplars', exemplars,
         'startedMs', extract(epoch from started_at) * 1000, 'openedMs', extract(epoch from opened_at) * 1000,
         'lastSeenMs', extract(epoch from last_seen_at) * 1000, 'resolvedMs', null, 'quietWindows', 0, 'flaps', 0), now()
       from incidents where id = $1 and tenant_id = $2`,
      [incidentId, tenantId],
    );
    await this.db.query(
      `insert into decisions (incident_id, sequence, rule_id, tenant_id, rule_name, send, reason, channel_ids)
       values ($1, 1, $2, $3, 'all', true, 'opened', array[$4::uuid])`,
      [incidentId, ruleId, tenantId, channelId],
    );
    await this.db.query(
      `insert into notifications (id, tenant_id, incident_id, sequence, channel_id, kind, state, body, attempts, sent_at)
       values ($1, $2, $3, 1, $4, 'incident.opened', 'sent', '{"type": "incident.opened"}', 2, '2026-03-01T12:00:13.5Z')`,
      [notificationId, tenantId, incidentId, channelId],
    );
    await this.db.query(
      `insert into delivery_attempts (notification_id, attempt, tenant_id, at, status, outcome, reason, took_ms)
       values ($1, 1, $2, '2026-03-01T12:00:11Z', null, 'retry', 'connection refused', 3),
              ($1, 2, $2, '2026-03-01T12:00:13Z', 204, 'sent', 'accepted', 41)`,
      [notificationId, tenantId],
    );
  }

  async outlier(
    tenantId: number,
    windowAt: string,
    operationId: number,
    traceId: string,
    reason: string,
  ): Promise<void> {
    const [observed, expected] = reason === 'slow' ? [9e6, 1e5] : [0.1, 1e-4];
    await this.db.query(
      `insert into outlier_traces
         (tenant_id, window_at, trace_id, reason, operation_id, also_in, observed, expected, n, baseline_n, score)
       values ($1, $2, $3, $4, $5, 2, $6, $7, 20, 3000, 9)`,
      [tenantId, windowAt, traceId, reason, operationId, observed, expected],
    );
  }

  async finding(tenantId: number, values: FindingValues): Promise<void> {
    const { windowAt, operationId, callerId = 0, signal = 'latency', raised = true, reason = 'raised' } = values;
    const finding = {
      signal,
      operationId,
      callerId,
      windowAtMs: Date.parse(windowAt),
      raised,
      reason,
      direction: 'up',
      quantile: signal === 'latency' ? 0.95 : null,
      observed: 1_900_000,
      expected: 240_000,
      unit: 'us',
      n: 120,
      baselineN: 3_000,
      score: 42,
      sinceMs: Date.parse(windowAt) - 10_000,
      ...(values.pooled === undefined ? {} : { pooled: values.pooled }),
    };
    await this.db.query(
      `insert into anomalies (tenant_id, window_at, signal, operation_id, caller_id, raised, reason, finding)
       values ($1, $2, $3, $4, $5, $6, $7, $8)`,
      [tenantId, windowAt, signal, operationId, callerId, raised, reason, JSON.stringify(finding)],
    );
  }

  async spanCounts(tenantId: number, counts: Record<string, number>): Promise<void> {
    for (const [outcome, n] of Object.entries(counts)) {
      await this.db.query(`insert into span_counts (tenant_id, outcome, n) values ($1, $2, $3)`, [
        tenantId,
        outcome,
        n,
      ]);
    }
  }

  private async one<T>(sql: string, parameters: unknown[]): Promise<T> {
    const { rows } = await this.db.query<{ value: T }>(sql, parameters);
    return rows[0]!.value;
  }
}

interface IncidentValues {
  id?: string;
  openedAt: string;
  startedAt?: string;
  resolvedAt?: string | null;
  state?: string;
  severity?: string;
  /** The affected service. */
  service?: string;
  /** The blamed service. */
  cause?: string;
  /** What the evidence is about. */
  evidenceOf?: { service: string; operation: string };
  /** So many operations are judged together. */
  pooledOperations?: number;
}

interface FindingValues {
  windowAt: string;
  operationId: number;
  callerId?: number;
  signal?: string;
  raised?: boolean;
  reason?: string;
  /** Operations judged together. */
  pooled?: number[];
}
