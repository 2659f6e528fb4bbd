import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Single traces far outside of what is normal: listed, and kept as anomalous. */
export class Outliers1763900100000 implements MigrationInterface {
  name = 'Outliers1763900100000';

  async up(db: QueryRunner): Promise<void> {
    await db.query(`
      create table outlier_traces (
        tenant_id    int4 not null,
        window_at    timestamptz not null,
        trace_id     uuid not null,
        reason       text not null check (reason in ('slow', 'failed')),
        operation_id int4 not null,
        also_in      int4 not null,
        observed     float8 not null,
        expected     float8 not null,
        n            int8 not null,
        baseline_n   int8 not null,
        score        float8 not null,
        primary key (tenant_id, window_at, trace_id, reason)
      )`);
    await db.query(
      `create index outlier_traces_window on outlier_traces using brin (window_at) with (autosummarize = on)`,
    );
  }

  async down(db: QueryRunner): Promise<void> {
    await db.query(`drop table outlier_traces`);
  }
}
