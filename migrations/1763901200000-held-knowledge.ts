import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * What is held in memory is not read again: templates have the number of their last change, and of an operation's baseline that was not seen
 * since it was written the windows since are counted, which until now were written in every row.
 */
export class HeldKnowledge1763901200000 implements MigrationInterface {
  name = 'HeldKnowledge1763901200000';

  async up(db: QueryRunner): Promise<void> {
    await db.query(`create sequence event_template_changes`);
    // In two steps, so that the table is not written anew: what was there before has 0.
    await db.query(`alter table event_templates add column change_no int8 not null default 0`);
    await db.query(`alter table event_templates alter column change_no set default nextval('event_template_changes')`);
    await db.query(`create index event_templates_changes on event_templates (tenant_id, change_no)`);
    await db.query(
      `update baselines b set learned_through = c.done_through from stage_cursors c
        where c.tenant_id = b.tenant_id and c.stage = 'baseline' and b.learned_through < c.done_through`,
    );
  }

  async down(db: QueryRunner): Promise<void> {
    await db.query(`alter table event_templates drop column change_no`);
    await db.query(`drop sequence event_template_changes`);
  }
}
