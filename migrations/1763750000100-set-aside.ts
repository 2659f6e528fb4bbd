import type { MigrationInterface, QueryRunner } from 'typeorm';

/** A step whose decision fails again and again is set aside, so that it holds up no other. */
export class SetAside1763750000100 implements MigrationInterface {
  name = 'SetAside1763750000100';

  async up(db: QueryRunner): Promise<void> {
    await db.query(`
      alter table incident_events
        add column decide_attempts int4 not null default 0,  -- failed ones
        add column decide_after timestamptz,                 -- not tried again before
        add column decide_error text,
        add column set_aside boolean not null default false  -- given up; decided_at says when`);
    await db.query(`create index incident_events_set_aside on incident_events (tenant_id) where set_aside`);
  }

  async down(db: QueryRunner): Promise<void> {
    await db.query(`drop index incident_events_set_aside`);
    await db.query(`
      alter table incident_events drop column decide_attempts, drop column decide_after, drop column decide_error,
        drop column set_aside`);
  }
}
