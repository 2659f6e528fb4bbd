import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Which instance served, and what requests are made of: for causes below a service, and for what would be gone without one. */
export class InstancesAndPaths1763730000001 implements MigrationInterface {
  name = 'InstancesAndPaths1763730000001';

  async up(db: QueryRunner): Promise<void> {
    // [[instance, n, failed, us, gap us], ...], src/model/instance.ts
    await db.query(`alter table rollups add column instances jsonb not null default '[]'`);
    // {traces, durationUs, failed, parts: [[operation, us, failed], ...]}, src/model/paths.ts; null where no request entered
    await db.query(`alter table rollups add column paths jsonb`);
  }

  async down(db: QueryRunner): Promise<void> {
    await db.query(`alter table rollups drop column instances, drop column paths`);
  }
}
