import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Rules of several types, what their evaluation remembers, and answers that are given again to a repeated request. */
export class RuleTypes1763840000000 implements MigrationInterface {
  name = 'RuleTypes1763840000000';

  async up(db: QueryRunner): Promise<void> {
    await db.query(`
      alter table rules
        add column type text not null default 'anomaly'
          check (type in ('anomaly', 'threshold', 'burn_rate', 'trace_match', 'absence', 'structural')),
        add column definition jsonb not null default '{}',
        -- Rises with every change of what the rule means: instances of an earlier epoch are reset.
        add column epoch int4 not null default 1`);
    // What the state machine remembers between two evaluations; null: nothing, or an alert of an incident.
    await db.query(`alter table alerts add column memory jsonb, add column rule_epoch int4`);
    await db.query(`create index alerts_remembered on alerts (tenant_id, rule_id) where memory is not null`);
    // Traces of a window that match a rule of type trace_match, by the labels that they stand under.
    await db.query(`
      create table rule_matches (
        tenant_id  int4 not null,
        rule_id    uuid not null,
        rule_epoch int4 not null,
        window_at  timestamptz not null,
        labels     jsonb not null,
        label_key  text not null,
        n          int4 not null,
        looked_at  int4 not null,
        exemplars  jsonb not null,
        primary key (tenant_id, rule_id, window_at, label_key)
      )`);
    await db.query(`
      create table idempotency_keys (
        tenant_id  int4 not null,
        key        text not null,
        body_hash  bytea not null,
        rule_id    uuid not null,
        created_at timestamptz not null default now(),
        primary key (tenant_id, key)
      )`);
    await db.query(`
      create table backtests (
        tenant_id   int4 not null,
        id          uuid not null,
        rule        jsonb not null,
        from_at     timestamptz not null,
        to_at       timestamptz not null,
        state       text not null check (state in ('running', 'done', 'failed')),
        progress    float8 not null default 0,
        result      jsonb,
        error       text,
        created_at  timestamptz not null default now(),
        updated_at  timestamptz not null default now(),
        primary key (tenant_id, id)
      )`);
  }

  async down(db: QueryRunner): Promise<void> {
    await db.query(`drop table backtests`);
    await db.query(`drop table idempotency_keys`);
    await db.query(`drop table rule_matches`);
    await db.query(`alter table alerts drop column memory, drop column rule_epoch`);
    await db.query(`alter table rules drop column type, drop column definition, drop column epoch`);
  }
}
