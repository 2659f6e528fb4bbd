import type { MigrationInterface, QueryRunner } from 'typeorm';

/** What people did about an incident: acknowledged, assigned, commented. */
export class IncidentActions1763890000000 implements MigrationInterface {
  name = 'IncidentActions1763890000000';

  async up(db: QueryRunner): Promise<void> {
    await db.query(`
      create table incident_actions (
        tenant_id   int4 not null,
        id          int8 generated always as identity,
        incident_id uuid not null,
        at          timestamptz not null default now(),
        kind        text not null check (kind in ('acknowledged', 'acknowledgement_withdrawn', 'assigned', 'commented')),
        by          text not null,
        subject     text,              -- who it is assigned to; null: nobody
        comment     text not null default '',
        primary key (tenant_id, id)
      )`);
    await db.query(`create index incident_actions_incident on incident_actions (tenant_id, incident_id, id)`);
  }

  async down(db: QueryRunner): Promise<void> {
    await db.query(`drop table incident_actions`);
  }
}
