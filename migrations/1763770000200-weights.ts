import type { MigrationInterface, QueryRunner } from 'typeorm';

/** What stated sampling probabilities make of an operation's spans; null where no span stated one. */
export class Weights1763770000200 implements MigrationInterface {
  name = 'Weights1763770000200';

  async up(db: QueryRunner): Promise<void> {
    await db.query(`
      alter table rollups
        add column weighted_n float8, add column weighted_error_count float8, add column unknown_weight_n int8`);
  }

  async down(db: QueryRunner): Promise<void> {
    await db.query(
      `alter table rollups drop column weighted_n, drop column weighted_error_count, drop column unknown_weight_n`,
    );
  }
}
