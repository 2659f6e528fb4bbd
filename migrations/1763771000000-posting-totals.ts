import type { MigrationInterface, QueryRunner } from 'typeorm';

interface Part {
  name: string;
  start: string;
  stop: string;
}

/** What the postings of one window of one commit hold together: a search over all services looks at a row for hundreds of them. */
export class PostingTotals1763771000000 implements MigrationInterface {
  name = 'PostingTotals1763771000000';

  async up(db: QueryRunner): Promise<void> {
    await db.query(`
      create table posting_totals (
        tenant_id        int4 not null,
        window_at        timestamptz not null,
        commit_id        int8 not null,
        postings         int4 not null,
        n                int4 not null,
        error_count      int4 not null,
        max_duration_us  int8 not null,
        primary key (tenant_id, window_at, commit_id)
      ) partition by range (window_at)`);
    const hours = (await db.query(
      `select to_char(hour at time zone 'UTC', 'YYYYMMDD_HH24') as name, hour::text as start, (hour + interval '1 hour')::text as stop
         from journal_hours`,
    )) as Part[];
    for (const { name, start, stop } of hours) {
      await db.query(
        `create table posting_totals_${name} partition of posting_totals for values from ('${start}') to ('${stop}')`,
      );
    }
    // One pass over what is stored: seconds for tens of millions of spans.
    await db.query(
      `insert into posting_totals
       select tenant_id, window_at, commit_id, count(*), sum(n), sum(error_count), max(max_duration_us)
       from postings group by tenant_id, window_at, commit_id`,
    );
  }

  async down(db: QueryRunner): Promise<void> {
    await db.query(`drop table posting_totals`);
  }
}
