import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Alerts that came from outside end by themselves: those that are due are found without looking at all. */
export class OutsideAlerts1763850000100 implements MigrationInterface {
  name = 'OutsideAlerts1763850000100';

  async up(db: QueryRunner): Promise<void> {
    await db.query(`create index alerts_outside on alerts (ends_at) where rule_id is null and state = 'firing'`);
  }

  async down(db: QueryRunner): Promise<void> {
    await db.query(`drop index alerts_outside`);
  }
}
