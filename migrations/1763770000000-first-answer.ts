import type { MigrationInterface, QueryRunner } from 'typeorm';

/** What the same request was answered when it came first. */
export class FirstAnswer1763770000000 implements MigrationInterface {
  name = 'FirstAnswer1763770000000';

  async up(db: QueryRunner): Promise<void> {
    // Spans of the request that were accepted; null where nobody noted it.
    await db.query(`alter table request_keys add column accepted integer`);
  }

  async down(db: QueryRunner): Promise<void> {
    await db.query(`alter table request_keys drop column accepted`);
  }
}
