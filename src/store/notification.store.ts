import { Injectable } from '@nestjs/common';
import { createHash } from 'node:crypto';
import { DataSource } from 'typeorm';
import type { Notice } from '../model/notice.js';

/** A notification in the hands of one worker until its lease ends. `attempt` counts from 1 and fences: only the last claim may record. */
export interface ClaimedNotification {
  id: string;
  tenantId: number;
  channelId: string;
  attempt: number;
  notice: Notice;
}

/** What became of an attempt. `retryInS` null after a retry that was the last one: it counts as failed. */
export interface AttemptResult {
  outcome: 'sent' | 'retry' | 'failed';
  /** HTTP status; null when none came. */
  status: number | null;
  reason: string;
  tookMs: number;
  retryInS: number | null;
}

/** Longer than an attempt can take, so that a lease that has run out means a worker that died. */
const LEASE_S = 60;

/** The outbox: messages to be sent, and every attempt to send them. */
@Injectable()
export class NotificationStore {
  constructor(private readonly db: DataSource) {}

  /**
   * Leases up to `limit` due notifications to the caller, one for each channel, so that a slow channel holds up its own messages only. A
   * notification waits for earlier ones of its incident to its channel, and channels with a send in flight are left alone.
   */
  async claim(tenantId: number, limit: number): Promise<ClaimedNotification[]> {
    const [rows]: [{ id: string; channel_id: string; attempts: number; body: Notice }[], number] = await this.db.query(
      `with due as materialized (
         select id from notifications
         where state = 'pending' and next_attempt_at <= now() and (leased_until is null or leased_until <= now())
           and id in (
             select distinct on (n.channel_id) n.id from notifications n
             where n.tenant_id = $1 and n.state = 'pending' and n.next_attempt_at <= now()
               and not exists (
                 select from notifications busy
                 where busy.channel_id = n.channel_id and busy.state = 'pending' and busy.leased_until > now())
               and not exists (
                 select from notifications before
                 where before.incident_id = n.incident_id and before.channel_id = n.channel_id
                   and before.sequence < n.sequence and before.state = 'pending')
             order by n.channel_id, n.attempts, n.created_at, n.id)
         order by attempts, created_at limit $2
         for update skip locked)
       update notifications n set attempts = n.attempts + 1, leased_until = now() + make_interval(secs => $3)
       from due where n.id = due.id
       returning n.id, n.channel_id, n.attempts, n.body`,
      [tenantId, limit, LEASE_S],
    );
    return rows.map((row) => ({
      id: row.id,
      tenantId,
      channelId: row.channel_id,
      attempt: row.attempts,
      notice: row.body,
    }));
  }

  /** Writes down an attempt and what it means for the notification. Does nothing when the claim was lost to another worker meanwhile. */
  async record(claimed: ClaimedNotification, result: AttemptResult): Promise<void> {
    const state = result.outcome === 'sent' ? 'sent' : result.retryInS === null ? 'failed' : 'pending';
    await this.db.query(
      `with mine as (
         update notifications set state = $3, leased_until = null,
           next_attempt_at = now() + make_interval(secs => $4),
           sent_at = case when $3 = 'sent' then now() end,
           last_error = case when $3 = 'sent' then null else $5 end
         where id = $1 and attempts = $2 and state = 'pending'
         returning id, tenant_id)
       insert into delivery_attempts (notification_id, attempt, tenant_id, at, status, outcome, reason, took_ms)
       select id, $2, tenant_id, now(), $6, $7, $5, $8 from mine`,
      [
        claimed.id,
        claimed.attempt,
        state,
        result.retryInS ?? 0,
        result.reason,
        result.status,
        result.outcome === 'retry' && state === 'failed' ? 'failed' : result.outcome,
        result.tookMs,
      ],
    );
  }

  /** Tenants with notifications that are due now: those whose bell is to be rung. */
  async dueTenants(): Promise<number[]> {
    const rows: { tenant_id: number }[] = await this.db.query(
      `select distinct tenant_id from notifications
       where state = 'pending' and next_attempt_at <= now() and (leased_until is null or leased_until <= now())`,
    );
    return rows.map((row) => row.tenant_id);
  }
}

/** The same id for the same message, however often it is decided: a version 8 UUID over incident, sequence and channel. */
export function notificationId(incidentId: string, sequence: number, channelId: string): string {
  const bytes = createHash('sha256').update(`notification ${incidentId} ${sequence} ${channelId}`).digest();
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x80;
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80;
  const hex = bytes.toString('hex');
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20, 32)].join('-');
}
