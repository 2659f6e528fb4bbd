import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Which operations one span called: that a span stopped short shows in no count of calls when the mix of requests varies. */
export class Shapes1763730000000 implements MigrationInterface {
  name = 'Shapes1763730000000';

  async up(db: QueryRunner): Promise<void> {
    // {"11,12": 40}: spans that called operations 11 and 12 and no other, src/model/shape.ts
    await db.query(`alter table rollups add column shapes jsonb not null default '{}'`);
  }

  async down(db: QueryRunner): Promise<void> {
    await db.query(`alter table rollups drop column shapes`);
  }
}
