import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Alerts: instances of rules, and every change of their state, in which routing works. */
export class Alerts1763800000000 implements MigrationInterface {
  name = 'Alerts1763800000000';

  async up(db: QueryRunner): Promise<void> {
    await db.query(`
      create table alerts (
        tenant_id     int4 not null,
        id            uuid not null,
        rule_id       uuid,                  -- null: came in through /api/v2/alerts
        incident_id   uuid,
        state         text not null check (state in ('inactive','pending','firing','recovering','resolved','no_data','error')),
        labels        jsonb not null,
        annotations   jsonb not null,
        figures       jsonb,
        exemplars     jsonb not null default '[]',
        active_at     timestamptz not null,
        fired_at      timestamptz,
        ends_at       timestamptz,
        generator_url text,
        sequence      int4 not null default 0,
        updated_at    timestamptz not null default now(),
        primary key (tenant_id, id)
      )`);
    await db.query(`create index alerts_rule on alerts (tenant_id, rule_id)`);
    await db.query(`create index alerts_incident on alerts (tenant_id, incident_id) where incident_id is not null`);
    await db.query(`
      create table alert_transitions (
        tenant_id  int4 not null,
        alert_id   uuid not null,
        sequence   int4 not null,
        at         timestamptz not null,      -- event time
        from_state text not null,
        to_state   text not null,
        reason     text not null,
        snapshot   jsonb not null,            -- the alert after the step
        notice     jsonb,                     -- for incidents: what there is to say (model/notice.ts) as of the step
        created_at timestamptz not null default now(),
        routed_at  timestamptz,               -- null: routing has not seen it
        primary key (tenant_id, alert_id, sequence)
      )`);
    await db.query(
      `create index alert_transitions_unrouted on alert_transitions (tenant_id, created_at) where routed_at is null`,
    );
    await db.query(`create index alert_transitions_at on alert_transitions (tenant_id, at desc)`);
  }

  async down(db: QueryRunner): Promise<void> {
    await db.query(`drop table alert_transitions`);
    await db.query(`drop table alerts`);
  }
}
