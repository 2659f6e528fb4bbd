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
  /** Of those, how many were made before it was sent again by hand: the schedule begins anew. */
  earlierAttempts: number;
  notice: Notice;
  /** When what it tells has ended, if a later message that waits says so: ISO. */
  overSince: string | null;
}

/** What became of an attempt. `retryInS` null after a retry that was the last one: it counts as failed. */
export interface AttemptResult {
  outcome: 'sent' | 'retry' | 'failed';
  /** HTTP status, or a mail server's reply code; null when none came. */
  status: number | null;
  reason: string;
  tookMs: number;
  retryInS: number | null;
}

/** Renewed while a worker is at it, so that a lease that has run out means a worker that died. */
const LEASE_S = 60;
/** How often a worker renews the lease of what it sends: an attempt is several requests for some receivers, each with a time limit of its own. */
export const RENEW_LEASE_MS = 20_000;

/** The longest that a circuit stays open, and that a receiver may ask for. */
const [MOST_OPEN_S, MOST_ASKED_S] = [300, 3_600];

// What lies further ahead than it is ever set was set by a clock that has been set back since: nobody waits for it.
const SLACK = `interval '1 minute'`;
const isLeased = (n: string) =>
  `(${n}.leased_until > now() and ${n}.leased_until <= now() + interval '${LEASE_S} seconds' + ${SLACK})`;
const isDue = (n: string) => `(${n}.next_attempt_at <= now() or now() + ${SLACK} < coalesce(
  (select a.at from delivery_attempts a where a.notification_id = ${n}.id order by a.attempt desc limit 1), ${n}.created_at))`;
/** Whether a channel is left alone for now. */
const isHeld = (n: string) => `exists (
  select from channel_health h
  where h.tenant_id = ${n}.tenant_id and h.channel_id = ${n}.channel_id
    and ((h.open_until > now() and h.open_until <= now() + interval '${MOST_OPEN_S} seconds' + ${SLACK})
      or (h.wait_until > now() and h.wait_until <= now() + interval '${MOST_ASKED_S} seconds' + ${SLACK})))`;
const hasEarlier = (n: string) => `exists (
  select from notifications before
  where coalesce(before.group_key, before.incident_id::text) = coalesce(${n}.group_key, ${n}.incident_id::text)
    and before.channel_id = ${n}.channel_id and before.sequence < ${n}.sequence and before.state = 'pending')`;

/** The outbox: messages to be sent, and every attempt to send them. */
@Injectable()
export class NotificationStore {
  constructor(private readonly db: DataSource) {}

  /**
   * Leases up to `limit` due notifications to the caller, one for each channel, so that a slow channel holds up its own messages only. A
   * notification waits for earlier ones of its group to its channel, and channels with a send in flight, an open
   * circuit or a receiver that asked for time are left alone.
   */
  async claim(tenantId: number, limit: number): Promise<ClaimedNotification[]> {
    const [rows]: [ClaimedRow[], number] = await this.db.query(
      // Step by step, so that it costs the same whatever the planner believes of a table that a storm has just filled.
      `with waiting as materialized (
         select n.id, n.tenant_id, n.channel_id, n.attempts, n.created_at, n.sequence,
           coalesce(n.group_key, n.incident_id::text) as group_key, ${isDue('n')} as is_due, ${isLeased('n')} as is_leased
         from notifications n where n.tenant_id = $1 and n.state = 'pending'),
       idle as materialized (
         select channel_id from waiting group by channel_id having coalesce(bool_or(is_leased), false) is false),
       first as materialized (
         select distinct on (channel_id, group_key) * from waiting order by channel_id, group_key, sequence),
       due as materialized (
         select id from notifications one
         where state = 'pending' and ${isDue('one')} and ${isLeased('one')} is not true
           and id in (
             select distinct on (f.channel_id) f.id from first f join idle using (channel_id)
             where f.is_due and not ${isHeld('f')}
             order by f.channel_id, f.attempts, f.created_at, f.id)
         order by attempts, created_at limit $2
         for update skip locked)
       update notifications n set attempts = n.attempts + 1, leased_until = now() + make_interval(secs => $3)
       from due where n.id = due.id
       returning n.id, n.channel_id, n.attempts, n.earlier_attempts, n.body, (
         select later.body->>'timestamp' from notifications later
         where coalesce(later.group_key, later.incident_id::text) = coalesce(n.group_key, n.incident_id::text)
           and later.channel_id = n.channel_id and later.sequence > n.sequence and later.state = 'pending'
           and later.body->>'type' in ('incident.resolved', 'alert.resolved')
         order by later.sequence desc limit 1) as over_since`,
      [tenantId, limit, LEASE_S],
    );
    return rows.map((row) => ({
      id: row.id,
      tenantId,
      channelId: row.channel_id,
      attempt: row.attempts,
      earlierAttempts: row.earlier_attempts,
      notice: row.body,
      overSince: row.over_since,
    }));
  }

  /** Keeps a claimed notification for another lease, unless the claim was lost to another worker meanwhile. */
  async renew(claimed: ClaimedNotification): Promise<void> {
    await this.db.query(
      `update notifications set leased_until = now() + make_interval(secs => $3)
       where id = $1 and attempts = $2 and state = 'pending'`,
      [claimed.id, claimed.attempt, LEASE_S],
    );
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

  /** Gives a claimed notification back as if it had not been claimed: nothing was sent. */
  async release(claimed: ClaimedNotification): Promise<void> {
    await this.db.query(
      `update notifications set attempts = attempts - 1, leased_until = null
       where id = $1 and attempts = $2 and state = 'pending'`,
      [claimed.id, claimed.attempt],
    );
  }

  /** Gives up what has waited longer than a notification may, say behind an open circuit; tells how many. */
  async expire(tenantId: number, maxAgeS: number): Promise<number> {
    const [, expired]: [unknown, number] = await this.db.query(
      `update notifications set state = 'failed',
         last_error = 'given up after ' || attempts || ' attempts, too old to wait longer' || coalesce(': ' || last_error, '')
       where tenant_id = $1 and state = 'pending' and (leased_until is null or leased_until <= now())
         and coalesce(replayed_at, created_at) < now() - make_interval(secs => $2)`,
      [tenantId, maxAgeS],
    );
    return expired;
  }

  /** Tenants with notifications that are due now: those whose bell is to be rung. */
  async dueTenants(): Promise<number[]> {
    const rows: { tenant_id: number }[] = await this.db.query(
      `select distinct tenant_id from notifications n
       where state = 'pending' and ${isDue('n')} and ${isLeased('n')} is not true
         and not ${isHeld('n')} and not ${hasEarlier('n')}
       union
       select tenant_id from channel_resends where next_at <= now()`,
    );
    return rows.map((row) => row.tenant_id);
  }
}

interface ClaimedRow {
  id: string;
  channel_id: string;
  attempts: number;
  earlier_attempts: number;
  body: Notice;
  over_since: string | null;
}

/** The same id for the same message, however often it is decided: a version 8 UUID over incident, sequence and channel. */
export function notificationId(incidentId: string, sequence: number, channelId: string): string {
  const bytes = createHash('sha256').update(`notification ${incidentId} ${sequence} ${channelId}`).digest();
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x80;
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80;
  const hex = bytes.toString('hex');
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20, 32)].join('-');
}
