import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Finds the alerts that are not at rest, and what happened to those of a rule, without looking at all others. */
export class AlertsInHand1763900300001 implements MigrationInterface {
  name = 'AlertsInHand1763900300001';

  async up(db: QueryRunner): Promise<void> {
    await db.query(
      `create index alerts_in_hand on alerts (tenant_id, state) where state not in ('inactive', 'resolved')`,
    );
    await db.query(
      `create index alert_transitions_rule on alert_transitions (tenant_id, (snapshot ->> 'ruleId'), at desc, alert_id, sequence desc)`,
    );
  }

  async down(db: QueryRunner): Promise<void> {
    await db.query(`drop index alert_transitions_rule`);
    await db.query(`drop index alerts_in_hand`);
  }
}
