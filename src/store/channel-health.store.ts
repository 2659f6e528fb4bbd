import { Injectable } from '@nestjs/common';
import { randomUUID } from 'node:crypto';
import { DataSource, type EntityManager } from 'typeorm';
import type { ChannelType } from '../model/channel.js';
import type { Notice } from '../model/notice.js';

/** How a channel is doing. closed: messages go out. open: none does until `retryAt`. half_open: one may try. */
export interface ChannelHealth {
  circuit: 'closed' | 'open' | 'half_open';
  /** Until when nothing is sent; null: now. */
  retryAt: Date | null;
  /** Attempts in a row to which the endpoint gave no answer, or one of trouble. */
  failuresInRow: number;
  failingSince: Date | null;
  lastSuccessAt: Date | null;
  lastFailureAt: Date | null;
  lastError: string | null;
}

/** What an attempt says of a channel. trouble: the endpoint does not answer or is in trouble; refused: it answers and does not take it. */
export interface AttemptHealth {
  kind: 'well' | 'trouble' | 'refused';
  error: string;
  /** Nothing is to be sent for so long because it fails; null: the circuit stays closed. */
  openForS: number | null;
  /** Nothing is to be sent for so long because the receiver asks for it. */
  waitForS: number | null;
}

/** A channel of which another is to be told that it fails. */
export interface FailingChannel {
  id: string;
  name: string;
  type: ChannelType;
  failingSince: Date;
  lastError: string;
}

interface Row {
  channel_id: string;
  failures: number;
  open_until: Date | null;
  wait_until: Date | null;
  is_open: boolean;
  retry_at: Date | null;
  failing_since: Date | null;
  last_success_at: Date | null;
  last_failure_at: Date | null;
  last_error: string | null;
}

/** Of a channel to which nothing was sent. */
export const HEALTHY: ChannelHealth = {
  circuit: 'closed',
  retryAt: null,
  failuresInRow: 0,
  failingSince: null,
  lastSuccessAt: null,
  lastFailureAt: null,
  lastError: null,
};

/** Circuits of channels, and since when each fails. */
@Injectable()
export class ChannelHealthStore {
  constructor(private readonly db: DataSource) {}

  async of(tenantId: number, channelId: string): Promise<ChannelHealth> {
    return (await this.all(tenantId)).get(channelId) ?? HEALTHY;
  }

  /** Of every channel of the tenant to which something was sent. */
  async all(tenantId: number): Promise<Map<string, ChannelHealth>> {
    const rows: Row[] = await this.db.query(
      `select *, coalesce(open_until > now(), false) as is_open,
         case when greatest(open_until, wait_until) > now() then greatest(open_until, wait_until) end as retry_at
       from channel_health where tenant_id = $1`,
      [tenantId],
    );
    return new Map(rows.map((row) => [row.channel_id, toHealth(row)]));
  }

  /** Writes down what an attempt says; gives how many in a row have met trouble by now. */
  async note(tenantId: number, channelId: string, { kind, error, openForS, waitForS }: AttemptHealth): Promise<void> {
    await this.db.query(
      `insert into channel_health as h (tenant_id, channel_id, failures, open_until, wait_until, failing_since,
         last_success_at, last_failure_at, last_error)
       values ($1, $2, case when $3 = 'trouble' then 1 else 0 end, now() + make_interval(secs => $5),
         now() + make_interval(secs => $6), case when $3 <> 'well' then now() end,
         case when $3 = 'well' then now() end, case when $3 <> 'well' then now() end, $4)
       on conflict (tenant_id, channel_id) do update set
         failures = case when $3 = 'trouble' then h.failures + 1 else 0 end,
         open_until = excluded.open_until,
         wait_until = case when $6::float8 is null and $3 <> 'well' then h.wait_until else excluded.wait_until end,
         failing_since = case when $3 <> 'well' then coalesce(h.failing_since, now()) end,
         reported_at = case when $3 <> 'well' then h.reported_at end,
         last_success_at = coalesce(excluded.last_success_at, h.last_success_at),
         last_failure_at = coalesce(excluded.last_failure_at, h.last_failure_at),
         last_error = case when $3 = 'well' then h.last_error else excluded.last_error end`,
      [tenantId, channelId, kind, error, openForS, waitForS],
    );
  }

  /** Holds a channel back because its rate is used up. */
  async pause(tenantId: number, channelId: string, seconds: number): Promise<void> {
    await this.db.query(
      `insert into channel_health (tenant_id, channel_id, wait_until) values ($1, $2, now() + make_interval(secs => $3))
       on conflict (tenant_id, channel_id) do update set wait_until = excluded.wait_until`,
      [tenantId, channelId, seconds],
    );
  }

  /** Lets a channel be tried at once, say since somebody has repaired it. */
  async reset(tenantId: number, channelId: string): Promise<void> {
    await this.db.query(
      `update channel_health set failures = 0, open_until = null, wait_until = null where tenant_id = $1 and channel_id = $2`,
      [tenantId, channelId],
    );
  }

  /**
   * When the channel has failed for `afterS` (or was switched off just now) and nobody was told, writes a message about it to another channel
   * that works, once. Gives the id of that channel, null when there was nothing to report, and 'nobody' when there is no other channel.
   */
  async report(
    tenantId: number,
    channelId: string,
    afterS: number,
    notice: (failing: FailingChannel) => Notice,
  ): Promise<string | 'nobody' | null> {
    return this.db.transaction(async (tx) => {
      const other = await this.otherChannel(tx, tenantId, channelId);
      // Marked as reported only when somebody can be told: a channel that is added later is told then.
      const [[failing]]: [(FailingChannel & { failingSince: Date })[], number] = await tx.query(
        `update channel_health h set reported_at = case when $4 then now() end
         from channels c
         where h.tenant_id = $1 and h.channel_id = $2 and h.reported_at is null and c.tenant_id = $1 and c.id = $2
           and (h.failing_since <= now() - make_interval(secs => $3) or c.disabled_reason is not null)
         returning c.id, c.name, c.type, h.failing_since as "failingSince", h.last_error as "lastError"`,
        [tenantId, channelId, afterS, other !== null],
      );
      if (failing === undefined) return null;
      if (other === null) return 'nobody';
      await tx.query(
        `insert into notifications (id, tenant_id, group_key, sequence, channel_id, kind, state, body)
         values ($1, $2, $3, extract(epoch from now())::int4, $4, 'channel_failing', 'pending', $5)`,
        [randomUUID(), tenantId, `channel:${channelId}`, other, JSON.stringify(notice(failing))],
      );
      return other;
    });
  }

  /** The one that last took a message, of those that are not failing themselves. */
  private async otherChannel(tx: EntityManager, tenantId: number, channelId: string): Promise<string | null> {
    const rows: { id: string }[] = await tx.query(
      `select c.id from channels c
       left join channel_health h on h.tenant_id = c.tenant_id and h.channel_id = c.id
       where c.tenant_id = $1 and c.id <> $2 and c.enabled
       order by h.failing_since is not null, h.last_success_at desc nulls last, c.created_at, c.id limit 1`,
      [tenantId, channelId],
    );
    return rows[0]?.id ?? null;
  }
}

function toHealth(row: Row): ChannelHealth {
  return {
    circuit: row.is_open ? 'open' : row.open_until === null ? 'closed' : 'half_open',
    retryAt: row.retry_at,
    failuresInRow: row.failures,
    failingSince: row.failing_since,
    lastSuccessAt: row.last_success_at,
    lastFailureAt: row.last_failure_at,
    lastError: row.failing_since === null ? null : row.last_error,
  };
}
