import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Late spans are added to their windows a minute at a time, and how many there were is kept. */
export class LateSpans1763901200001 implements MigrationInterface {
  name = 'LateSpans1763901200001';

  async up(db: QueryRunner): Promise<void> {
    // Of n: spans that came after the window was measured first.
    await db.query(`alter table rollups add column late_n int8 not null default 0`);
    await db.query(`
      alter table reopened_windows
        add column changes int8 not null default 1,               -- raised by whatever comes late
        add column marked_at timestamptz not null default now()   -- wall clock`);
  }

  async down(db: QueryRunner): Promise<void> {
    await db.query(`alter table reopened_windows drop column changes, drop column marked_at`);
    await db.query(`alter table rollups drop column late_n`);
  }
}
