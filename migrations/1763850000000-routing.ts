import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Routing: who is told of which alerts, in which groups, what was told, and why the rest was not. */
export class Routing1763850000000 implements MigrationInterface {
  name = 'Routing1763850000000';

  async up(db: QueryRunner): Promise<void> {
    await db.query(`
      create table routing (
        tenant_id       int4 primary key,               -- its row is the lock of whoever routes for the tenant
        version         int4 not null default 0,        -- of the tree; 0: nobody has made one
        document        jsonb,                          -- receivers and the root
        applied_version int4 not null default 0,        -- the tree by which what fires is grouped now
        is_stale        boolean not null default false, -- silences, inhibitions, mute times or channels have changed: look at every group again
        channels_seen_at timestamptz,                   -- changes of channels up to then have been looked at
        updated_at      timestamptz not null default now(),
        updated_by      text
      )`);
    await db.query(`
      create table silences (
        tenant_id  int4 not null,
        id         uuid not null,
        matchers   jsonb not null,
        starts_at  timestamptz not null,
        ends_at    timestamptz not null,
        created_by text not null,
        comment    text not null,
        updated_at timestamptz not null,
        primary key (tenant_id, id)
      )`);
    await db.query(`create index silences_ends on silences (tenant_id, ends_at)`);
    await db.query(`
      create table mute_times (
        tenant_id  int4 not null,
        name       text not null,
        intervals  jsonb not null,
        updated_at timestamptz not null default now(),
        primary key (tenant_id, name)
      )`);
    await db.query(`
      create table inhibitions (
        tenant_id  int4 not null,
        id         uuid not null,
        name       text not null,
        source     jsonb not null,
        target     jsonb not null,
        equal      text[] not null,
        created_at timestamptz not null default now(),
        updated_at timestamptz not null default now(),
        primary key (tenant_id, id),
        unique (tenant_id, name)
      )`);
    await db.query(`
      create table routed_alerts (
        tenant_id  int4 not null,
        alert_id   uuid not null,
        sequence   int4 not null,        -- of the last step that was routed
        snapshot   jsonb not null,       -- the alert after it
        reason     text not null,
        is_firing  boolean not null,
        step_at    timestamptz not null, -- event time of that step
        notice     jsonb,                -- of the last step that had one
        heard_at   timestamptz not null, -- when that step was written down, and never before the step before it
        routed_at  timestamptz not null,
        primary key (tenant_id, alert_id)
      )`);
    await db.query(`create index routed_alerts_firing on routed_alerts (tenant_id) where is_firing`);
    await db.query(`
      create table alert_groups (
        tenant_id       int4 not null,
        id              uuid not null,      -- a hash of the key
        key             text not null,      -- the route and the labels that its alerts share
        route_key       text not null,
        labels          jsonb not null,
        settings        jsonb not null,     -- of the route, as of the last time it led an alert here
        incident_id     uuid,               -- when all its alerts are about one
        sequence        int4 not null default 0, -- of the last message
        first_told_at   timestamptz,
        flushed_at      timestamptz,        -- last looked at to be told; null: it is new
        flush_at        timestamptz,        -- to be looked at then; null: when something happens
        escalated_at    timestamptz,
        acknowledged_at timestamptz,
        acknowledged_by text,
        created_at      timestamptz not null,
        closed_at       timestamptz,        -- nothing of it fires, and nobody is owed an end
        primary key (tenant_id, id)
      )`);
    await db.query(`create index alert_groups_due on alert_groups (flush_at) where flush_at is not null`);
    await db.query(
      `create index alert_groups_incident on alert_groups (tenant_id, incident_id) where incident_id is not null`,
    );
    await db.query(`
      create table alert_group_members (
        tenant_id     int4 not null,
        group_id      uuid not null,
        alert_id      uuid not null,
        channel_ids   uuid[],                       -- those that its rule names; null: the receiver's
        is_detached   boolean not null default false, -- the tree leads it elsewhere by now
        told_elsewhere uuid[] not null default '{}',  -- channels that were told of it in a group from which it is detached
        said_sequence int4,                         -- the last decision on it in this group, so that the same is not written again
        said          text,
        primary key (tenant_id, group_id, alert_id)
      )`);
    await db.query(`create index alert_group_members_alert on alert_group_members (tenant_id, alert_id)`);
    await db.query(`
      create table alert_group_told (
        tenant_id  int4 not null,
        group_id   uuid not null,
        channel_id uuid not null,
        firing     jsonb not null,         -- alert id -> severity, as last told
        at         timestamptz not null,
        primary key (tenant_id, group_id, channel_id)
      )`);
    await db.query(`
      create table route_decisions (
        tenant_id   int4 not null,
        id          int8 generated always as identity,
        alert_id    uuid not null,
        sequence    int4 not null,         -- of the alert's step
        rule_id     uuid,
        rule_name   text not null,
        incident_id uuid,
        group_id    uuid not null,
        step_at     timestamptz not null,  -- event time of that step
        at          timestamptz not null,  -- when it was decided
        send        boolean not null,
        reason      text not null,
        detail      text,                  -- by what it was held: silences, alerts, a mute time
        channel_ids uuid[] not null,       -- who was told; empty unless send
        primary key (tenant_id, id)
      )`);
    await db.query(`create index route_decisions_alert on route_decisions (tenant_id, alert_id)`);
    await db.query(
      `create index route_decisions_incident on route_decisions (tenant_id, incident_id) where incident_id is not null`,
    );
    // A message is about a group of alerts, which may be about an incident; what one channel hears of a group comes in its order.
    await db.query(`
      alter table notifications
        alter column incident_id drop not null,
        drop constraint notifications_incident_id_sequence_channel_id_key,
        add column if not exists group_key text  -- null: from before there were groups; its incident is its group`);
    await db.query(`
      create index notifications_order on notifications (channel_id, (coalesce(group_key, incident_id::text)), sequence) where state = 'pending'`);
    await db.query(
      `create index notifications_group on notifications (tenant_id, group_key) where group_key is not null`,
    );
    await db.query(`create index notifications_incident on notifications (incident_id) where incident_id is not null`);
  }

  async down(db: QueryRunner): Promise<void> {
    await db.query(`drop index notifications_order, notifications_group, notifications_incident`);
    await db.query(`delete from notifications where incident_id is null`);
    await db.query(`delete from notifications n using notifications other
      where n.incident_id = other.incident_id and n.sequence = other.sequence and n.channel_id = other.channel_id and n.id > other.id`);
    await db.query(`
      alter table notifications
        drop column group_key,
        add constraint notifications_incident_id_sequence_channel_id_key unique (incident_id, sequence, channel_id),
        alter column incident_id set not null`);
    for (const table of [
      'route_decisions',
      'alert_group_told',
      'alert_group_members',
      'alert_groups',
      'routed_alerts',
      'inhibitions',
      'mute_times',
      'silences',
      'routing',
    ]) {
      await db.query(`drop table ${table}`);
    }
  }
}
