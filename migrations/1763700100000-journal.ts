import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * The journal: accepted bytes (segments), where each trace's spans lie (trace_segments), and what each operation did (postings).
 * Every key starts with the column by which the table would be distributed; facts have no foreign keys, triggers or joins among them.
 */
export class Journal1763700100000 implements MigrationInterface {
  name = 'Journal1763700100000';

  async up(db: QueryRunner): Promise<void> {
    await db.query(`
      create table services (
        id             int4 generated always as identity primary key,
        tenant_id      int4 not null,
        name           text not null,
        first_seen_at  timestamptz not null default now(),
        unique (tenant_id, name)
      )`);
    await db.query(`
      create table operations (
        id             int4 generated always as identity primary key,
        tenant_id      int4 not null,
        service_id     int4 not null references services,
        kind           int2 not null,
        name           text not null,
        first_seen_at  timestamptz not null default now(),
        unique (service_id, kind, name)
      )`);
    await db.query(`create index operations_tenant on operations (tenant_id)`);

    // The catalogue of hourly partitions: made ahead, dropped by retention.
    await db.query(`
      create table journal_hours (
        hour             timestamptz primary key,
        created_at       timestamptz not null default now(),
        last_written_at  timestamptz not null default now()
      )`);
    await db.query(`
      create table request_keys (
        request_key  uuid not null,          -- first 128 bits of SHA-256 over tenant and body: the same request is stored once
        hour         timestamptz not null,
        tenant_id    int4 not null,
        segment_id   int8 not null,
        primary key (request_key, hour)
      ) partition by range (hour)`);
    await db.query(`
      create table segments (
        segment_id   int8 not null,          -- from the hashes of its requests
        hour         timestamptz not null,   -- hour of the earliest end of its spans
        tenant_id    int4 not null,
        received_at  timestamptz not null,
        span_count   int4 not null,
        codec        int2 not null,          -- 0 plain, 1 gzip (members may follow one another)
        payload      bytea not null,         -- ExportTraceServiceRequest messages, one after another
        primary key (segment_id, hour)
      ) partition by range (hour)`);
    await db.query(`alter table segments alter column payload set storage external`);
    await db.query(`
      create table trace_segments (
        trace_id           uuid not null,
        segment_id         int8 not null,
        hour               timestamptz not null,  -- that of the segment
        tenant_id          int4 not null,
        start_us           int8 not null,
        end_us             int8 not null,
        span_count         int4 not null,
        error_count        int4 not null,
        root_operation_id  int4,                  -- null when no root is in this segment
        primary key (trace_id, segment_id, hour)
      ) partition by range (hour)`);
    await db.query(`
      create table postings (
        operation_id     int4 not null,
        window_at        timestamptz not null,  -- the 10 s window in which the spans ended
        commit_id        int8 not null,         -- the first segment of the commit
        tenant_id        int4 not null,
        n                int4 not null,
        error_count      int4 not null,
        max_duration_us  int8 not null,
        entries          bytea not null,        -- packed spans, see src/journal/posting.ts
        primary key (operation_id, window_at, commit_id)
      ) partition by range (window_at)`);
    await db.query(
      `create index postings_window on postings using brin (window_at) with (pages_per_range = 16, autosummarize = on)`,
    );

    // How far event time has come, as each service's spans tell it; the tenant's watermark is their lower median.
    await db.query(`
      create table event_clocks (
        tenant_id     int4 not null,
        service_id    int4 not null,
        seen_through  timestamptz not null,
        updated_at    timestamptz not null default now(),
        primary key (tenant_id, service_id)
      )`);
    await db.query(`
      create table tenant_clocks (
        tenant_id       int4 primary key,
        first_window_at timestamptz not null,
        -- windows before this instant are closed; a commit that touches one of them must leave a row in reopened_windows
        closed_through  timestamptz not null
      )`);
    await db.query(`
      create table reopened_windows (
        tenant_id  int4 not null,
        window_at  timestamptz not null,
        late_spans int8 not null,
        primary key (tenant_id, window_at)
      )`);
    await db.query(`
      create table span_counts (
        tenant_id  int4 not null,
        outcome    text not null,   -- received, stored, duplicate, rejected:<reason>, late:<what became of it>
        n          int8 not null,
        primary key (tenant_id, outcome)
      )`);
  }

  async down(db: QueryRunner): Promise<void> {
    for (const table of [
      'span_counts',
      'reopened_windows',
      'tenant_clocks',
      'event_clocks',
      'postings',
      'trace_segments',
      'segments',
      'request_keys',
      'journal_hours',
      'operations',
      'services',
    ]) {
      await db.query(`drop table ${table}`);
    }
  }
}
