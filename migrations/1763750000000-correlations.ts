import type { MigrationInterface, QueryRunner } from 'typeorm';

/** What distinguishes the bad traces of an incident, and since when each version of a service has been seen. */
export class Correlations1763750000000 implements MigrationInterface {
  name = 'Correlations1763750000000';

  async up(db: QueryRunner): Promise<void> {
    await db.query(`
      create table incident_correlations (
        tenant_id    int4 not null,
        incident_id  uuid not null,
        through      timestamptz not null,  -- event time up to which spans were looked at
        outcome      text not null,
        report       jsonb not null,
        primary key (tenant_id, incident_id)
      )`);
    await db.query(`
      create table versions (
        tenant_id      int4 not null,
        service_id     int4 not null,
        key            text not null,
        value          text not null,
        first_seen_at  timestamptz not null,  -- event time
        last_seen_at   timestamptz not null,  -- to the hour
        primary key (tenant_id, service_id, key, value)
      )`);
    // Deciding waits a moment for the comparison of traces, but only so long.
    await db.query(`alter table incident_events add column created_at timestamptz not null default now()`);
    await db.query(`create index incident_events_at on incident_events (tenant_id, at)`);
    // What was told before this version is not compared after the fact.
    await db.query(`
      insert into stage_cursors (tenant_id, stage, done_through)
      select tenant_id, 'correlate', done_through from stage_cursors where stage = 'incident'
      on conflict do nothing`);
  }

  async down(db: QueryRunner): Promise<void> {
    await db.query(`delete from stage_cursors where stage = 'correlate'`);
    await db.query(`drop index incident_events_at`);
    await db.query(`alter table incident_events drop column created_at`);
    await db.query(`drop table versions`);
    await db.query(`drop table incident_correlations`);
  }
}
