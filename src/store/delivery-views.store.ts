import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { Rejected } from '../model/failure.js';
import { isoMs, isoUs } from './iso-time.js';

type DeliveryState = 'pending' | 'sent' | 'failed' | 'digested';

interface DeliveryFilter {
  state?: DeliveryState | undefined;
  channelId?: string | undefined;
  cursor?: { createdAt: string; id: string } | undefined;
  limit: number;
}

/** A notification and what became of it. Times are ISO strings. */
export interface DeliveryRow {
  id: string;
  type: string;
  title: string | null;
  incidentId: string | null;
  groupKey: string | null;
  channelId: string;
  channelName: string | null;
  state: DeliveryState;
  createdAt: string;
  nextAttemptAt: string | null;
  sentAt: string | null;
  lastError: string | null;
  digestId: string | null;
  attempts: {
    attempt: number;
    at: string;
    status: number | null;
    outcome: 'sent' | 'retry' | 'failed';
    reason: string;
    tookMs: number;
  }[];
  /** Where the page after it begins. */
  place: string;
}

const DELIVERY = `
  n.id, n.body->>'type' as "type", coalesce(n.body->'incident'->>'title', n.body->'statement'->>'title',
    n.body->'alerts'->0->'labels'->>'alertname') as "title",
  n.incident_id as "incidentId", n.group_key as "groupKey", n.channel_id as "channelId", c.name as "channelName", n.state,
  ${isoMs('n.created_at')} as "createdAt", case when n.state = 'pending' then ${isoMs('n.next_attempt_at')} end as "nextAttemptAt",
  ${isoMs('n.sent_at')} as "sentAt", n.last_error as "lastError", n.digest_id as "digestId",
  ${isoUs('n.created_at')} as "place",
  (select coalesce(jsonb_agg(jsonb_build_object('attempt', a.attempt, 'at', ${isoMs('a.at')}, 'status', a.status,
     'outcome', a.outcome, 'reason', a.reason, 'tookMs', a.took_ms) order by a.attempt), '[]')
   from delivery_attempts a where a.notification_id = n.id) as "attempts"
  from notifications n left join channels c on c.id = n.channel_id and c.tenant_id = n.tenant_id`;

/** Notifications as people look at them, those that failed above all, and sending them again. */
@Injectable()
export class DeliveryViewsStore {
  constructor(private readonly db: DataSource) {}

  /** Newest first. */
  async list(tenantId: number, filter: DeliveryFilter): Promise<DeliveryRow[]> {
    const { state = null, channelId = null, cursor, limit } = filter;
    return this.db.query(
      `select ${DELIVERY}
       where n.tenant_id = $1 and ($2::text is null or n.state = $2) and ($3::uuid is null or n.channel_id = $3)
         and ($4::timestamptz is null or (n.created_at, n.id) < ($4, $5::uuid))
       order by n.created_at desc, n.id desc limit $6`,
      [tenantId, state, channelId, cursor?.createdAt ?? null, cursor?.id ?? null, limit],
    );
  }

  /** Throws Rejected 404. */
  async get(tenantId: number, id: string): Promise<DeliveryRow> {
    const rows: DeliveryRow[] = await this.db.query(`select ${DELIVERY} where n.tenant_id = $1 and n.id = $2`, [
      tenantId,
      id,
    ]);
    if (!rows[0]) throw new Rejected('not_found', `there is no notification ${id}`, 404);
    return rows[0];
  }

  /** Sends a notification that failed again, with the same id, the schedule from its beginning. Throws Rejected 404, and 409 for one that did not fail. */
  async replay(tenantId: number, id: string): Promise<DeliveryRow> {
    const replayed = await this.replayWhere(`id = $2`, [tenantId, id]);
    const row = await this.get(tenantId, id);
    if (replayed === 0) throw new Rejected('not_failed', `notification ${id} is ${row.state}, not failed`, 409);
    return row;
  }

  /** Sends all failed notifications of a channel again, oldest first; gives how many. */
  replayAll(tenantId: number, channelId: string): Promise<number> {
    return this.replayWhere(`channel_id = $2`, [tenantId, channelId]);
  }

  private async replayWhere(which: string, parameters: unknown[]): Promise<number> {
    const [, replayed]: [unknown, number] = await this.db.query(
      `update notifications set state = 'pending', earlier_attempts = attempts, replayed_at = now(), next_attempt_at = now()
       where tenant_id = $1 and ${which} and state = 'failed'`,
      parameters,
    );
    return replayed;
  }
}
