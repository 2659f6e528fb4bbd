import type { MigrationInterface, QueryRunner } from 'typeorm';

/** More kinds of channels, what is known of how each is doing, and messages that were folded into a digest or sent again by hand. */
export class Channels1763860000000 implements MigrationInterface {
  name = 'Channels1763860000000';

  async up(db: QueryRunner): Promise<void> {
    // The types are checked where channels come in; a constraint here would have to be changed with each new one.
    await db.query(`
      alter table channels
        drop constraint channels_type_check,
        add column shown jsonb not null default '{}'  -- of the settings, what is not secret`);
    await db.query(`
      alter table notifications
        alter column incident_id drop not null,
        add column if not exists group_key text,
        add column earlier_attempts int4 not null default 0, -- made before it was last sent again by hand
        add column replayed_at timestamptz,
        add column digest_id uuid,                           -- the message that told of it instead
        drop constraint notifications_state_check,
        add constraint notifications_state_check check (state in ('pending', 'sent', 'failed', 'digested'))`);
    await db.query(`create index notifications_sent on notifications (channel_id, sent_at) where state = 'sent'`);
    await db.query(`create index notifications_failed on notifications (tenant_id, channel_id) where state = 'failed'`);
    await db.query(`create index notifications_digest on notifications (digest_id) where digest_id is not null`);
    await db.query(`
      create table channel_health (
        tenant_id       int4 not null,
        channel_id      uuid not null,
        failures        int4 not null default 0, -- in a row, in which the endpoint did not answer or was in trouble
        open_until      timestamptz,             -- nothing is sent before; null: the circuit is closed
        wait_until      timestamptz,             -- the receiver asked for time, or the channel's rate is used up
        failing_since   timestamptz,             -- nothing was sent since; null: the last attempt went well
        reported_at     timestamptz,             -- another channel was told of that
        last_success_at timestamptz,
        last_failure_at timestamptz,
        last_error      text,
        primary key (tenant_id, channel_id)
      )`);
    await db.query(`
      create table channel_threads (
        tenant_id  int4 not null,
        channel_id uuid not null,
        group_key  text not null,
        reference  jsonb not null, -- where the first message of the group stands
        updated_at timestamptz not null default now(),
        primary key (tenant_id, channel_id, group_key)
      )`);
    await db.query(`
      create table channel_resends (
        tenant_id       int4 not null,
        channel_id      uuid not null,
        group_key       text not null,
        notification_id uuid not null,        -- the last message about the group
        body            jsonb not null,
        next_at         timestamptz not null, -- when it is sent again
        until           timestamptz not null, -- when that ends
        primary key (tenant_id, channel_id, group_key)
      )`);
    await db.query(`create index channel_resends_due on channel_resends (next_at)`);
  }

  async down(db: QueryRunner): Promise<void> {
    await db.query(`drop table channel_resends, channel_threads, channel_health`);
    await db.query(`drop index notifications_digest, notifications_failed, notifications_sent`);
    await db.query(`update notifications set state = 'failed' where state = 'digested'`);
    await db.query(`
      alter table notifications
        drop constraint notifications_state_check,
        add constraint notifications_state_check check (state in ('pending', 'sent', 'failed')),
        drop column digest_id, drop column replayed_at, drop column earlier_attempts`);
    await db.query(`delete from channels where type not in ('webhook', 'slack')`);
    await db.query(`
      alter table channels drop column shown,
        add constraint channels_type_check check (type in ('webhook', 'slack'))`);
  }
}
