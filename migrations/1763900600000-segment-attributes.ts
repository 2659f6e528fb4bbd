import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * Which attributes a segment may have (a Bloom filter, `attribute-filter.ts`); null: any. A third of its bits are set: compressing it is no use.
 * `is_wide`: a span of it ended in a later hour than the one that it is filed under; null: perhaps.
 */
export class SegmentAttributes1763900600000 implements MigrationInterface {
  name = 'SegmentAttributes1763900600000';

  async up(db: QueryRunner): Promise<void> {
    await db.query(`alter table segments add column attributes bytea`);
    await db.query(`alter table segments add column is_wide bool`);
    await db.query(`create index segments_wide on segments (tenant_id) where is_wide is not false`);
    await db.query(`alter table segments alter column attributes set storage external`);
  }

  async down(db: QueryRunner): Promise<void> {
    await db.query(`alter table segments drop column attributes, drop column is_wide`);
  }
}
