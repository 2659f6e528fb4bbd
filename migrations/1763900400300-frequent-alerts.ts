import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Alerts that keep coming back: how often, how bad they were, and until when they are muted for it. */
export class FrequentAlerts1763900400300 implements MigrationInterface {
  name = 'FrequentAlerts1763900400300';

  async up(db: QueryRunner): Promise<void> {
    await db.query(`
      create table recurrences (
        tenant_id    int4 not null,
        id           uuid not null,            -- a hash of the key
        key          text not null,            -- rule and labels, without incident and severity
        rule_id      uuid not null,
        labels       jsonb not null,
        begins       timestamptz[] not null,   -- of the episodes that count, oldest first
        severity     text not null,            -- the worst
        strength     float8,                   -- the worst: how many times what is expected
        mute         jsonb,                    -- since when, until when, after which firing; null: it is told as any
        held         int4 not null default 0,  -- episodes that were not told since it was muted
        last_at      timestamptz not null,
        primary key (tenant_id, id)
      )`);
    await db.query(`create index recurrences_muted on recurrences (tenant_id) where mute is not null`);
  }

  async down(db: QueryRunner): Promise<void> {
    await db.query(`drop table recurrences`);
  }
}
