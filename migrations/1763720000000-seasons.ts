import type { MigrationInterface, QueryRunner } from 'typeorm';

/** What the hours of the week are like, per operation and hour of the day: an array of seven days. */
export class Seasons1763720000000 implements MigrationInterface {
  name = 'Seasons1763720000000';

  async up(db: QueryRunner): Promise<void> {
    await db.query(`
      create table seasons (
        tenant_id    int4 not null,
        operation_id int4 not null,
        hour         int2 not null check (hour between 0 and 23),
        days         jsonb not null,
        primary key (operation_id, hour)
      )`);
    await db.query(`create index seasons_tenant on seasons (tenant_id, hour)`);
  }

  async down(db: QueryRunner): Promise<void> {
    await db.query(`drop table seasons`);
  }
}
