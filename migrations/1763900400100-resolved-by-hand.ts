import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Incidents that somebody resolved by hand. */
export class ResolvedByHand1763900400100 implements MigrationInterface {
  name = 'ResolvedByHand1763900400100';

  async up(db: QueryRunner): Promise<void> {
    await db.query(`alter table incidents add column resolved_by text`);
    // Not checked again by looking at all rows: what was allowed before is allowed now.
    await db.query(`alter table incident_actions drop constraint incident_actions_kind_check`);
    await db.query(`
      alter table incident_actions add constraint incident_actions_kind_check
        check (kind in ('acknowledged', 'acknowledgement_withdrawn', 'assigned', 'commented', 'resolved')) not valid`);
  }

  async down(db: QueryRunner): Promise<void> {
    await db.query(`delete from incident_actions where kind = 'resolved'`);
    await db.query(`alter table incident_actions drop constraint incident_actions_kind_check`);
    await db.query(`
      alter table incident_actions add constraint incident_actions_kind_check
        check (kind in ('acknowledged', 'acknowledgement_withdrawn', 'assigned', 'commented'))`);
    await db.query(`alter table incidents drop column resolved_by`);
  }
}
