import type { MigrationInterface, QueryRunner } from 'typeorm';

/** What operations did in a minute and in an hour: the rollups of its windows in one row, so that long periods are read quickly. */
export class CoarseRollups1763740000000 implements MigrationInterface {
  name = 'CoarseRollups1763740000000';

  async up(db: QueryRunner): Promise<void> {
    const columns = `
        operation_id          int4 not null,
        window_at             timestamptz not null,  -- its start
        tenant_id             int4 not null,
        n                     int8 not null,
        error_count           int8 not null,
        weighted_n            float8 not null,       -- as in rollups, but never null: n where no span stated a probability
        weighted_error_count  float8 not null,
        unknown_weight_n      int8 not null,
        latency               bytea not null,        -- histogram
        primary key (operation_id, window_at)`;
    await db.query(`create table minute_rollups (${columns}) partition by range (window_at)`);
    await db.query(`create table hour_rollups (${columns})`);
    for (const table of ['minute_rollups', 'hour_rollups']) {
      await db.query(
        `create index ${table}_window on ${table} using brin (window_at) with (pages_per_range = 8, autosummarize = on)`,
      );
    }
    // From this minute on, all that were measured are compacted: what lies before is read window by window.
    await db.query(`create table compactions (tenant_id int4 primary key, since timestamptz not null)`);
    // Days that exist already are not made again.
    await db.query(`
      do $$
      declare day text;
      begin
        for day in select right(relid::text, 8) from pg_partition_tree('rollups') where isleaf and relid::text ~ '_[0-9]{8}$' loop
          execute format('create table minute_rollups_%s partition of minute_rollups for values from (%L) to (%L)', day,
            to_char(to_date(day, 'YYYYMMDD'), 'YYYY-MM-DD') || 'T00:00:00Z',
            to_char(to_date(day, 'YYYYMMDD') + 1, 'YYYY-MM-DD') || 'T00:00:00Z');
        end loop;
      end $$`);
  }

  async down(db: QueryRunner): Promise<void> {
    for (const table of ['compactions', 'hour_rollups', 'minute_rollups']) await db.query(`drop table ${table}`);
  }
}
