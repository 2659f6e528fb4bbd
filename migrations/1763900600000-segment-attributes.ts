import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Which attributes a segment may have (a Bloom filter, `attribute-filter.ts`); null: any. Half of its bits are set: compressing it is no use. */
export class SegmentAttributes1763900600000 implements MigrationInterface {
  name = 'SegmentAttributes1763900600000';

  async up(db: QueryRunner): Promise<void> {
    await db.query(`alter table segments add column attributes bytea`);
    await db.query(`alter table segments alter column attributes set storage external`);
  }

  async down(db: QueryRunner): Promise<void> {
    await db.query(`alter table segments drop column attributes`);
  }
}
