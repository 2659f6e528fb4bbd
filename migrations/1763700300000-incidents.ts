import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Incidents, who is told of them, and the outbox of messages. */
export class Incidents1763700300000 implements MigrationInterface {
  name = 'Incidents1763700300000';

  async up(db: QueryRunner): Promise<void> {
    await db.query(`
      create table incidents (
        id            uuid primary key,
        tenant_id     int4 not null,
        state         text not null check (state in ('open', 'recovering', 'resolved')),
        severity      text not null check (severity in ('info', 'warning', 'critical')),
        started_at    timestamptz not null,
        opened_at     timestamptz not null,
        last_seen_at  timestamptz not null,
        resolved_at   timestamptz,
        quiet_windows int4 not null default 0,
        flaps         int4 not null default 0,
        causes        jsonb not null,
        affected      jsonb not null,
        exemplars     jsonb not null
      )`);
    await db.query(`create index incidents_tenant_opened on incidents (tenant_id, opened_at desc, id)`);
    await db.query(`create index incidents_unresolved on incidents (tenant_id) where state <> 'resolved'`);
    await db.query(`
      create table incident_events (
        incident_id  uuid not null references incidents on delete cascade,
        sequence     int4 not null,
        tenant_id    int4 not null,
        kind         text not null check (kind in ('opened', 'reopened', 'escalated', 'resolved')),
        at           timestamptz not null,
        reason       text not null,
        snapshot     jsonb not null,
        -- set in the transaction that wrote the decisions and the outbox rows for this event
        decided_at   timestamptz,
        primary key (incident_id, sequence)
      )`);
    await db.query(`create index incident_events_undecided on incident_events (tenant_id) where decided_at is null`);
    await db.query(`
      create table channels (
        id           uuid primary key,
        tenant_id    int4 not null references tenants,
        name         text not null,
        type         text not null check (type in ('webhook', 'slack')),
        enabled      boolean not null default true,
        -- AES-256-GCM over {url, signingSecrets}; what may be shown of it stands in url_shown
        secret       bytea not null,
        url_shown    text not null,
        created_at   timestamptz not null default now(),
        updated_at   timestamptz not null default now(),
        disabled_reason text,
        unique (tenant_id, name)
      )`);
    await db.query(`
      create table rules (
        id            uuid primary key,
        tenant_id     int4 not null references tenants,
        name          text not null,
        enabled       boolean not null default true,
        services      text[] not null,
        min_severity  text not null check (min_severity in ('info', 'warning', 'critical')),
        channel_ids   uuid[],   -- null: every channel of the tenant
        created_at    timestamptz not null default now(),
        updated_at    timestamptz not null default now(),
        unique (tenant_id, name)
      )`);
    // When the tenant's default rule was made: it is made once, and stays away when it was deleted.
    await db.query(`alter table tenants add column default_rule_at timestamptz`);
    await db.query(`
      create table decisions (
        incident_id  uuid not null references incidents on delete cascade,
        sequence     int4 not null,
        rule_id      uuid not null,
        tenant_id    int4 not null,
        rule_name    text not null,
        send         boolean not null,
        reason       text not null,
        channel_ids  uuid[] not null,  -- who was told; empty unless send
        primary key (incident_id, sequence, rule_id)
      )`);
    await db.query(`
      create table notifications (
        id               uuid primary key,   -- the webhook-id of every attempt
        tenant_id        int4 not null,
        incident_id      uuid not null references incidents on delete cascade,
        sequence         int4 not null,
        channel_id       uuid not null,
        kind             text not null,
        state            text not null check (state in ('pending', 'sent', 'failed')),
        body             jsonb not null,
        created_at       timestamptz not null default now(),
        next_attempt_at  timestamptz not null default now(),
        attempts         int4 not null default 0,
        leased_until     timestamptz,
        sent_at          timestamptz,
        last_error       text,
        unique (incident_id, sequence, channel_id)
      )`);
    await db.query(`create index notifications_due on notifications (next_attempt_at) where state = 'pending'`);
    await db.query(`create index notifications_tenant on notifications (tenant_id, created_at desc)`);
    await db.query(`
      create table delivery_attempts (
        notification_id  uuid not null references notifications on delete cascade,
        attempt          int4 not null,
        tenant_id        int4 not null,
        at               timestamptz not null,
        status           int4,   -- HTTP status, null when none came
        outcome          text not null check (outcome in ('sent', 'retry', 'failed')),
        reason           text not null,
        took_ms          int4 not null,
        primary key (notification_id, attempt)
      )`);
  }

  async down(db: QueryRunner): Promise<void> {
    await db.query(`alter table tenants drop column default_rule_at`);
    for (const table of [
      'delivery_attempts',
      'notifications',
      'decisions',
      'rules',
      'channels',
      'incident_events',
      'incidents',
    ]) {
      await db.query(`drop table ${table}`);
    }
  }
}
