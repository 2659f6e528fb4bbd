import { Inject, Injectable, Logger } from '@nestjs/common';
import type { ClientBase } from 'pg';
import { DataSource } from 'typeorm';
import { CONFIG, type Config } from '../config.js';
import { HOUR_MS } from '../model/window.js';
import { TroubleLog } from '../trouble-log.js';
import { KeptTraces, type KeptRows } from './kept-traces.js';
import { HOURLY, LOCK, LOCK_TIMEOUT_MS, Partitions, hourName } from './partitions.js';
import { copiesOf, runScript } from './script.js';
import { type JournalHour, type RetentionReason, type RetentionStep, planRetention } from './retention-plan.js';

const at = (ms: number) => new Date(ms).toISOString();

/** Takes hours of the journal away by age and for space, and leaves their anomalous traces for longer. */
@Injectable()
export class Retention {
  private readonly log = new Logger(Retention.name);
  private readonly trouble = new TroubleLog(Retention.name);

  constructor(
    private readonly db: DataSource,
    private readonly partitions: Partitions,
    private readonly kept: KeptTraces,
    @Inject(CONFIG) private readonly config: Config,
  ) {}

  /** Does what is due. An hour that cannot be had now, since somebody reads or writes it, is left for the next time. */
  async run(nowMs: number): Promise<void> {
    const { retention } = this.config;
    const { steps, missingBytes } = planRetention(await this.hours(), retention, nowMs);
    for (const step of steps) {
      try {
        await this.take(step);
      } catch (error) {
        this.trouble.say(
          `hour ${at(step.hourMs)} could not be taken now and is left for the next time`,
          error as Error,
        );
      }
    }
    if (missingBytes > 0) {
      const excess = new Error(`${missingBytes} bytes more than RETENTION_MAX_BYTES=${retention.maxBytes}`);
      this.trouble.say('the hours that are being written take too much space and nothing else is left to drop', excess);
    }
    await this.partitions.dropDays(nowMs);
  }

  private async hours(): Promise<JournalHour[]> {
    const rows = await this.db.query<
      { hour: Date; last_written_at: Date; reduced_at: Date | null; bytes: string | number }[]
    >(
      // Sizes cost a look at several files each: only where somebody asks.
      `select hour, last_written_at, reduced_at,
         case when $1 or reduced_at is not null then
           (select coalesce(sum(pg_total_relation_size(
              to_regclass(t || to_char(hour at time zone 'UTC', '"_"YYYYMMDD"_"HH24')))), 0) from unnest($2::text[]) t)
         else 0 end as bytes
       from journal_hours`,
      [this.config.retention.maxBytes > 0, HOURLY],
    );
    return rows.map((row) => ({
      hourMs: row.hour.getTime(),
      lastWrittenMs: row.last_written_at.getTime(),
      reducedMs: row.reduced_at?.getTime() ?? null,
      bytes: Number(row.bytes),
    }));
  }

  private async take(step: RetentionStep): Promise<void> {
    const { hourMs, action, reason } = step;
    const kept = action === 'reduce' ? await this.kept.of(hourMs) : null;
    const runner = this.db.createQueryRunner();
    const client = (await runner.connect()) as ClientBase;
    try {
      await client.query('begin');
      const dropped = await takeIn(client, step, kept);
      await client.query(dropped === null ? 'rollback' : 'commit');
      if (dropped === null) return;
      if (action === 'drop') this.partitions.forget();
      if (dropped === 0) return;
      const left = kept === null ? '' : `, ${kept.traces} anomalous traces kept`;
      const line = `Hour ${at(hourMs)}: ${dropped} spans dropped, ${reason === 'age' ? 'by age' : 'for space'}${left}`;
      if (reason === 'space') this.log.warn(line);
      else this.log.log(line);
    } catch (error) {
      await client.query('rollback').catch(() => undefined);
      throw error;
    } finally {
      await runner.release();
    }
  }
}

/** The step in a transaction; the number of spans that go, or null when the hour was written to meanwhile. */
async function takeIn(client: ClientBase, step: RetentionStep, kept: KeptRows | null): Promise<number | null> {
  const hour = at(step.hourMs);
  const end = at(step.hourMs + HOUR_MS);
  const tables = HOURLY.map((table) => hourName(table, step.hourMs));
  await client.query(`set local lock_timeout = ${LOCK_TIMEOUT_MS}`);
  await client.query(`select pg_advisory_xact_lock($1)`, [LOCK]);
  const { rowCount } = await client.query(
    kept === null
      ? `delete from journal_hours where hour = $1 and last_written_at < $2`
      : `update journal_hours set reduced_at = now() where hour = $1 and last_written_at < $2`,
    [hour, at(step.unwrittenSinceMs)],
  );
  if (rowCount === 0) return null;
  const { rows: before } = await client.query<{ tenant_id: number; n: string }>(
    `select tenant_id, sum(span_count) as n from segments where hour = $1 group by tenant_id`,
    [hour],
  );
  if (kept === null) {
    for (const table of tables) await client.query(`drop table if exists ${table}`);
    await client.query(`delete from kept_segments where hour = $1`, [hour]);
  } else {
    // Of segments of earlier hours that were reduced before.
    await client.query(
      `create temp table kept_postings on commit drop as
       select p.* from postings p where p.window_at >= '${hour}' and p.window_at < '${end}' and exists (
         select from kept_segments k where k.tenant_id = p.tenant_id and k.segment_id = p.commit_id and k.hour < '${hour}')`,
    );
    await client.query(`truncate ${tables.join(', ')}`);
    await client.query(`delete from kept_segments where hour = $1`, [hour]);
    await client.query(`insert into postings select * from kept_postings`);
    await client.query(
      `insert into posting_totals
       select tenant_id, window_at, commit_id, count(*), sum(n), sum(error_count), max(max_duration_us)
       from kept_postings group by tenant_id, window_at, commit_id`,
    );
    await storeKept(client, kept);
  }
  return await countDropped(client, step, before, kept);
}

async function storeKept(client: ClientBase, { segments, rows }: KeptRows): Promise<void> {
  for (const each of rows) await runScript(client, copiesOf(each));
  await client.query(
    `insert into kept_segments (tenant_id, segment_id, hour) select * from unnest($1::int4[], $2::int8[], $3::timestamptz[])`,
    [
      segments.map(({ tenantId }) => tenantId),
      segments.map(({ id }) => id),
      segments.map(({ hourMs }) => new Date(hourMs)),
    ],
  );
}

async function countDropped(
  client: ClientBase,
  { hourMs, reason }: { hourMs: number; reason: RetentionReason },
  before: readonly { tenant_id: number; n: string }[],
  kept: KeptRows | null,
): Promise<number> {
  let all = 0;
  for (const { tenant_id: tenantId, n } of before) {
    const gone = Number(n) - (kept?.spans.get(tenantId) ?? 0);
    all += gone;
    if (gone <= 0) continue;
    await client.query(
      `insert into dropped_spans (tenant_id, reason, n, last_hour) values ($1, $2, $3, $4)
       on conflict (tenant_id, reason) do update
          set n = dropped_spans.n + excluded.n, last_hour = excluded.last_hour, last_at = now()`,
      [tenantId, reason, gone, at(hourMs)],
    );
  }
  return all;
}
