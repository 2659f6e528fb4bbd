import type { MigrationInterface, QueryRunner } from 'typeorm';

export class Tenants1763700000000 implements MigrationInterface {
  name = 'Tenants1763700000000';

  async up(db: QueryRunner): Promise<void> {
    await db.query(`
      create table tenants (
        id          int4 generated always as identity primary key,
        name        text not null unique,
        created_at  timestamptz not null default now()
      )`);
    await db.query(`insert into tenants (name) values ('default')`);
    await db.query(`
      create table api_keys (
        id            int8 generated always as identity primary key,
        tenant_id     int4 not null references tenants,
        name          text not null,
        -- public part, to find the row and to recognise a leaked key
        token_prefix  text not null unique,
        -- SHA-256 of the whole key: it carries 256 random bits, so a slow hash would add nothing
        token_hash    bytea not null,
        scopes        text[] not null,
        created_at    timestamptz not null default now(),
        expires_at    timestamptz,
        revoked_at    timestamptz,
        last_used_at  timestamptz
      )`);
    await db.query(`create index api_keys_tenant on api_keys (tenant_id)`);
  }

  async down(db: QueryRunner): Promise<void> {
    await db.query(`drop table api_keys`);
    await db.query(`drop table tenants`);
  }
}
