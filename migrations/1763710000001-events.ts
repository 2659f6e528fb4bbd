import type { MigrationInterface, QueryRunner } from 'typeorm';

const HOURLY = ['log_segments', 'log_windows', 'log_traces'];

/**
 * Log records as they were accepted (log_segments), and where those of a window and of a trace lie; event templates, what was counted of
 * them, and what is normal. Partitions as those of the journal: by hour, and by day for what is derived.
 */
export class Events1763710000001 implements MigrationInterface {
  name = 'Events1763710000001';

  async up(db: QueryRunner): Promise<void> {
    await db.query(`
      create table log_segments (
        segment_id    int8 not null,          -- from the hash of its request
        hour          timestamptz not null,   -- hour of its earliest record
        tenant_id     int4 not null,
        received_at   timestamptz not null,
        record_count  int4 not null,
        codec         int2 not null,          -- 1 gzip
        payload       bytea not null,         -- an ExportLogsServiceRequest
        primary key (segment_id, hour)
      ) partition by range (hour)`);
    await db.query(`alter table log_segments alter column payload set storage external`);
    await db.query(`
      create table log_windows (
        tenant_id     int4 not null,
        window_at     timestamptz not null,   -- the 10 s window in which the records were written
        segment_id    int8 not null,
        hour          timestamptz not null,   -- that of the segment
        record_count  int4 not null,
        primary key (tenant_id, window_at, segment_id)
      ) partition by range (window_at)`);
    await db.query(`
      create table log_traces (
        trace_id      uuid not null,
        segment_id    int8 not null,
        hour          timestamptz not null,
        tenant_id     int4 not null,
        record_count  int4 not null,
        primary key (trace_id, segment_id, hour)
      ) partition by range (hour)`);
    await db.query(`
      create table log_counts (
        tenant_id  int4 not null,
        outcome    text not null,   -- as in span_counts
        n          int8 not null,
        primary key (tenant_id, outcome)
      )`);
    await db.query(`
      create table event_templates (
        template_id    int8 not null,          -- a hash of what it was first made of
        tenant_id      int4 not null,
        service_id     int4 not null,
        source         text not null,          -- log, span_event
        severity       int2 not null,          -- beginning of the OTLP severity band, 0 unknown
        text           text not null,
        ordinal        int8 generated always as identity,  -- the order in which they were first seen
        first_seen_at  timestamptz not null,   -- event time
        primary key (tenant_id, template_id)
      )`);
    await db.query(`
      create table event_rollups (
        template_id   int8 not null,           -- 0: any event of severity error or worse
        operation_id  int4 not null,           -- 0: all records of the service, by their own time
        window_at     timestamptz not null,
        tenant_id     int4 not null,
        n             int4 not null,
        spans         int4 not null,           -- different spans that hold it
        exemplars     jsonb not null,          -- trace ids
        primary key (tenant_id, template_id, operation_id, window_at)
      ) partition by range (window_at)`);
    await db.query(
      `create index event_rollups_window on event_rollups using brin (window_at) with (pages_per_range = 8, autosummarize = on)`,
    );
    await db.query(`
      create table event_baselines (
        tenant_id        int4 not null,
        template_id      int8 not null,
        operation_id     int4 not null,
        learned_through  timestamptz not null,
        state            jsonb not null,
        primary key (tenant_id, template_id, operation_id)
      )`);
    await this.partitionWhatIsThere(db);
  }

  /** The hours and days that the journal holds already get partitions too. */
  private async partitionWhatIsThere(db: QueryRunner): Promise<void> {
    const hours = (await db.query(
      `select to_char(hour at time zone 'UTC', 'YYYYMMDD_HH24') as name, hour::text as start, (hour + interval '1 hour')::text as stop
         from journal_hours`,
    )) as Part[];
    for (const table of HOURLY) for (const part of hours) await attach(db, table, part);
    const days = (await db.query(
      `select distinct to_char(day at time zone 'UTC', 'YYYYMMDD') as name, day::text as start, (day + interval '1 day')::text as stop
         from (select date_trunc('day', hour, 'UTC') as day from journal_hours) days`,
    )) as Part[];
    for (const part of days) await attach(db, 'event_rollups', part);
  }

  async down(db: QueryRunner): Promise<void> {
    for (const table of [
      'event_baselines',
      'event_rollups',
      'event_templates',
      'log_counts',
      'log_traces',
      'log_windows',
      'log_segments',
    ]) {
      await db.query(`drop table ${table}`);
    }
  }
}

interface Part {
  name: string;
  start: string;
  stop: string;
}

async function attach(db: QueryRunner, parent: string, { name, start, stop }: Part): Promise<void> {
  await db.query(`create table ${parent}_${name} partition of ${parent} for values from ('${start}') to ('${stop}')`);
}
