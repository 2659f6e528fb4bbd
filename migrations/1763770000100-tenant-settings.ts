import type { MigrationInterface, QueryRunner } from 'typeorm';

/** What is set per tenant, and requests that were refused as a whole. */
export class TenantSettings1763770000100 implements MigrationInterface {
  name = 'TenantSettings1763770000100';

  async up(db: QueryRunner): Promise<void> {
    // A limit that is null is that of the process's settings; 0 is none.
    await db.query(`
      create table tenant_settings (
        tenant_id            int4 primary key,
        spans_per_second     int8 check (spans_per_second >= 0),
        bytes_per_second     int8 check (bytes_per_second >= 0),
        normalise_span_names boolean not null default false,
        updated_at           timestamptz not null default now()
      )`);
    await db.query(`
      create table refused_requests (
        tenant_id int4 not null,
        reason    text not null,
        n         int8 not null,
        primary key (tenant_id, reason)
      )`);
  }

  async down(db: QueryRunner): Promise<void> {
    await db.query(`drop table refused_requests`);
    await db.query(`drop table tenant_settings`);
  }
}
