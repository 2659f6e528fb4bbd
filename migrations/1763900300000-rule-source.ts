import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Who looks after a rule: whoever has the API, or the rules file. */
export class RuleSource1763900300000 implements MigrationInterface {
  name = 'RuleSource1763900300000';

  async up(db: QueryRunner): Promise<void> {
    await db.query(`alter table rules add column source text not null default 'api' check (source in ('api', 'file'))`);
  }

  async down(db: QueryRunner): Promise<void> {
    await db.query(`alter table rules drop column source`);
  }
}
