import type { MigrationInterface, QueryRunner } from 'typeorm';

/** What people say of alerts, and the changes of rules that are proposed after it. */
export class Feedback1763900400200 implements MigrationInterface {
  name = 'Feedback1763900400200';

  async up(db: QueryRunner): Promise<void> {
    await db.query(`
      create table alert_feedback (
        tenant_id   int4 not null,
        alert_id    uuid not null,
        fired_at    timestamptz not null,   -- event time; an alert may fire again
        rule_id     uuid not null,
        incident_id uuid,
        labels      jsonb not null,
        verdict     text not null check (verdict in ('useful', 'noise')),
        by          text not null,
        comment     text not null default '',
        channel_id  uuid,                   -- by a link in a message to it; null: over the API
        at          timestamptz not null default now(),
        primary key (tenant_id, alert_id, fired_at)
      )`);
    await db.query(`create index alert_feedback_rule on alert_feedback (tenant_id, rule_id, at)`);
    await db.query(`
      create table proposal_requests (      -- rules of which people have said something that was not looked at yet
        tenant_id int4 not null,
        rule_id   uuid not null,
        asked_at  timestamptz not null default now(),
        primary key (tenant_id, rule_id)
      )`);
    await db.query(`
      create table rule_proposals (
        tenant_id  int4 not null,
        id         uuid not null,
        rule_id    uuid not null,
        rule_epoch int4 not null,           -- of the rule that was tried
        patch      jsonb not null,          -- a merge patch of the rule
        words      text not null,
        evidence   jsonb not null,
        state      text not null check (state in ('open', 'applied', 'dismissed', 'superseded')),
        created_at timestamptz not null default now(),
        decided_at timestamptz,
        decided_by text,
        primary key (tenant_id, id)
      )`);
    await db.query(
      `create unique index rule_proposals_open on rule_proposals (tenant_id, rule_id) where state = 'open'`,
    );
  }

  async down(db: QueryRunner): Promise<void> {
    await db.query(`drop table rule_proposals`);
    await db.query(`drop table proposal_requests`);
    await db.query(`drop table alert_feedback`);
  }
}
