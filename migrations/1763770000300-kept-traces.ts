import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Hours of which only anomalous traces are left, and how many spans retention has taken. */
export class KeptTraces1763770000300 implements MigrationInterface {
  name = 'KeptTraces1763770000300';

  async up(db: QueryRunner): Promise<void> {
    // When the hour was reduced to the traces that are kept longer; null: all of it is there.
    await db.query(`alter table journal_hours add column reduced_at timestamptz`);
    // Segments that a reduction wrote: their postings stay when the hour that these lie in is reduced in its turn.
    await db.query(`
      create table kept_segments (
        tenant_id  int4 not null,
        segment_id int8 not null,
        hour       timestamptz not null,
        primary key (tenant_id, segment_id, hour)
      )`);
    await db.query(`create index kept_segments_hour on kept_segments (hour)`);
    await db.query(`
      create table dropped_spans (
        tenant_id int4 not null,
        reason    text not null check (reason in ('age', 'space')),
        n         int8 not null,
        last_hour timestamptz not null,
        last_at   timestamptz not null default now(),
        primary key (tenant_id, reason)
      )`);
  }

  async down(db: QueryRunner): Promise<void> {
    await db.query(`drop table dropped_spans`);
    await db.query(`drop table kept_segments`);
    await db.query(`alter table journal_hours drop column reduced_at`);
  }
}
