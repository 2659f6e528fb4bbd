import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Whom an incident blames or may come to blame, and the step that tells of another cause. */
export class AnotherCause1763900200000 implements MigrationInterface {
  name = 'AnotherCause1763900200000';

  async up(db: QueryRunner): Promise<void> {
    await db.query(`alter table incidents add column suspects jsonb not null default '[]'`);
    // Every kind that was allowed still is: rows need not be read.
    await db.query(`alter table incident_events drop constraint incident_events_kind_check`);
    await db.query(`
      alter table incident_events add constraint incident_events_kind_check
        check (kind in ('opened', 'reopened', 'another_cause', 'escalated', 'resolved')) not valid`);
  }

  async down(db: QueryRunner): Promise<void> {
    await db.query(`delete from incident_events where kind = 'another_cause'`);
    await db.query(`alter table incident_events drop constraint incident_events_kind_check`);
    await db.query(`
      alter table incident_events add constraint incident_events_kind_check
        check (kind in ('opened', 'reopened', 'escalated', 'resolved'))`);
    await db.query(`alter table incidents drop column suspects`);
  }
}
