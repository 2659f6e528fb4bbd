import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Who goes on from whom by links, beside who calls whom. */
export class Links1763900100001 implements MigrationInterface {
  name = 'Links1763900100001';

  async up(db: QueryRunner): Promise<void> {
    await db.query(`alter table edge_rollups add column links int4 not null default 0`);
  }

  async down(db: QueryRunner): Promise<void> {
    await db.query(`alter table edge_rollups drop column links`);
  }
}
