import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Of alerts from outside: whether their end was not given, but is when they are taken to be over unless they are sent again. */
export class EndsByTimeout1763901300000 implements MigrationInterface {
  name = 'EndsByTimeout1763901300000';

  async up(db: QueryRunner): Promise<void> {
    await db.query(`alter table alerts add column ends_by_timeout boolean not null default false`);
  }

  async down(db: QueryRunner): Promise<void> {
    await db.query(`alter table alerts drop column ends_by_timeout`);
  }
}
