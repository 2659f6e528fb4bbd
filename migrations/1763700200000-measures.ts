import type { MigrationInterface, QueryRunner } from 'typeorm';

/** What the stages derive from the journal, window by window; every row can be computed again to the same value. */
export class Measures1763700200000 implements MigrationInterface {
  name = 'Measures1763700200000';

  async up(db: QueryRunner): Promise<void> {
    await db.query(`
      create table stage_cursors (
        tenant_id     int4 not null,
        stage         text not null,
        done_through  timestamptz not null,
        leased_by     text,
        leased_until  timestamptz,
        failures      int4 not null default 0,
        last_error    text,
        primary key (tenant_id, stage)
      )`);
    await db.query(`
      create table rollups (
        operation_id     int4 not null,
        window_at        timestamptz not null,
        tenant_id        int4 not null,
        n                int8 not null,
        error_count      int8 not null,
        entries          int8 not null,          -- of these: roots
        duration_sum_us  float8 not null,
        max_duration_us  int8 not null,
        latency          bytea not null,         -- histogram, src/model/histogram.ts
        sampled_n        int4 not null,          -- spans seen in whole traces of the sample
        failed_here_n    int4 not null,          -- of these: failed while no child failed
        self_time        bytea not null,         -- histogram over the sampled spans
        exemplars        jsonb not null,         -- {slowest: [...], failed: [...]} trace ids
        primary key (operation_id, window_at)
      ) partition by range (window_at)`);
    await db.query(
      `create index rollups_window on rollups using brin (window_at) with (pages_per_range = 8, autosummarize = on)`,
    );
    await db.query(`
      create table edge_rollups (
        caller_id    int4 not null,
        callee_id    int4 not null,
        window_at    timestamptz not null,
        tenant_id    int4 not null,
        calls        int4 not null,
        error_count  int4 not null,
        gap          bytea not null,  -- histogram: duration of the caller's span not covered by the callee's, for calls between services
        primary key (caller_id, callee_id, window_at)
      ) partition by range (window_at)`);
    await db.query(
      `create index edge_rollups_window on edge_rollups using brin (window_at) with (pages_per_range = 8, autosummarize = on)`,
    );
    await db.query(`
      create table window_totals (
        tenant_id        int4 not null,
        window_at        timestamptz not null,
        n                int8 not null,   -- spans
        traces           int4 not null,   -- traces whose root ended here
        sampled_traces   int4 not null,
        duplicate_spans  int4 not null,
        revision         int4 not null default 0,
        primary key (tenant_id, window_at)
      )`);
    await db.query(`
      create table baselines (
        operation_id     int4 primary key,
        tenant_id        int4 not null,
        learned_through  timestamptz not null,
        state            jsonb not null
      )`);
    await db.query(`create index baselines_tenant on baselines (tenant_id)`);
    await db.query(`
      create table edge_baselines (
        caller_id        int4 not null,
        callee_id        int4 not null,
        tenant_id        int4 not null,
        learned_through  timestamptz not null,
        state            jsonb not null,
        primary key (caller_id, callee_id)
      )`);
    await db.query(`create index edge_baselines_tenant on edge_baselines (tenant_id)`);
    await db.query(`
      create table anomalies (
        tenant_id     int4 not null,
        window_at     timestamptz not null,
        signal        text not null,
        operation_id  int4 not null,
        caller_id     int4 not null,   -- 0 unless the signal is about a call
        raised        boolean not null,
        reason        text not null,
        finding       jsonb not null,
        primary key (tenant_id, window_at, signal, operation_id, caller_id)
      )`);
    await db.query(`
      create table anomaly_groups (
        tenant_id  int4 not null,
        window_at  timestamptz not null,
        group_no   int4 not null,
        body       jsonb not null,   -- severity, affected, causes, exemplars
        primary key (tenant_id, window_at, group_no)
      )`);
    // For retention, which looks for old windows of all tenants.
    for (const table of ['window_totals', 'anomalies', 'anomaly_groups']) {
      await db.query(`create index ${table}_window on ${table} using brin (window_at) with (autosummarize = on)`);
    }
  }

  async down(db: QueryRunner): Promise<void> {
    for (const table of [
      'anomaly_groups',
      'anomalies',
      'edge_baselines',
      'baselines',
      'window_totals',
      'edge_rollups',
      'rollups',
      'stage_cursors',
    ]) {
      await db.query(`drop table ${table}`);
    }
  }
}
