import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * Rules that a step of an incident does not concern: reason → rule id → name of the rule then. In the row of the step, since in a storm a row for each
 * rule and step costs more than all else that deciding does. What was decided before stays in `decisions`.
 */
export class UnconcernedRules1763901300001 implements MigrationInterface {
  name = 'UnconcernedRules1763901300001';

  async up(db: QueryRunner): Promise<void> {
    await db.query(`alter table incident_events add column unconcerned_rules jsonb`);
  }

  async down(db: QueryRunner): Promise<void> {
    await db.query(`alter table incident_events drop column unconcerned_rules`);
  }
}
