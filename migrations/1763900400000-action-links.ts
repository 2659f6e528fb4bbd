import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Links in messages by which people act: which were used, through which channel somebody acted, and what was done about groups. */
export class ActionLinks1763900400000 implements MigrationInterface {
  name = 'ActionLinks1763900400000';

  async up(db: QueryRunner): Promise<void> {
    await db.query(`
      create table used_links (
        tenant_id       int4 not null,
        notification_id uuid not null,      -- the message that the link stands in
        action          text not null,
        at              timestamptz not null default now(),
        by              text not null,
        outcome         text not null,      -- what was done, in words
        expires_at      timestamptz not null, -- of the link; then the row can go
        primary key (tenant_id, notification_id, action)
      )`);
    await db.query(`create index used_links_expiry on used_links (tenant_id, expires_at)`);
    await db.query(`
      create table group_actions (
        tenant_id  int4 not null,
        id         int8 generated always as identity,
        group_id   uuid not null,
        at         timestamptz not null default now(),
        kind       text not null check (kind in ('acknowledged', 'acknowledgement_withdrawn')),
        by         text not null,
        comment    text not null default '',
        channel_id uuid,                    -- by a link in a message to it; null: over the API
        primary key (tenant_id, id)
      )`);
    await db.query(`create index group_actions_group on group_actions (tenant_id, group_id, id)`);
    await db.query(`alter table incident_actions add column channel_id uuid`);
    // A group that is over begins anew under the same id: messages up to this one were about its earlier life.
    await db.query(`alter table alert_groups add column begun_sequence int4 not null default 0`);
  }

  async down(db: QueryRunner): Promise<void> {
    await db.query(`alter table alert_groups drop column begun_sequence`);
    await db.query(`alter table incident_actions drop column channel_id`);
    await db.query(`drop table group_actions`);
    await db.query(`drop table used_links`);
  }
}
