import { Injectable } from '@nestjs/common';
import { randomUUID } from 'node:crypto';
import { DataSource } from 'typeorm';
import type { Notice } from '../model/notice.js';
import type { ClaimedNotification } from './notification.store.js';

/** More than this is told in the next digest. */
const MAX_FOLDED = 1_000;

/** What went out on a channel lately, and messages told together since there were too many. */
@Injectable()
export class DigestStore {
  constructor(private readonly db: DataSource) {}

  /** How many messages the channel took within the last `withinS` seconds, and in how many seconds the oldest of them leaves that time. */
  async sentWithin(channelId: string, withinS: number): Promise<{ sent: number; freeInS: number }> {
    const [row]: [{ sent: number; free_in_s: number }] = await this.db.query(
      `select count(*)::int4 as sent,
         coalesce($2 - extract(epoch from now() - min(sent_at)), 0)::float8 as free_in_s
       from notifications where channel_id = $1 and state = 'sent' and sent_at > now() - make_interval(secs => $2)
         and sent_at <= now() + interval '1 minute'`,
      [channelId, withinS],
    );
    return { sent: row.sent, freeInS: row.free_in_s };
  }

  /**
   * Folds a claimed notification, and all others of its channel that are due and were never tried, into one digest that is sent in
   * `inSeconds`, or into the one that waits already. `write` makes the digest of what is in it, oldest first, and of how many those are.
   * Gives how many were folded now; 0 when there is no other to fold with, or the claim was lost to another worker meanwhile.
   */
  async fold(
    claimed: ClaimedNotification,
    inSeconds: number,
    write: (notices: Notice[], total: number) => Notice,
  ): Promise<number> {
    return this.db.transaction(async (tx) => {
      const mine: unknown[] = await tx.query(
        `select id from notifications where id = $1 and attempts = $2 and state = 'pending' for update`,
        [claimed.id, claimed.attempt],
      );
      if (mine.length === 0) return 0;
      const waiting: { id: string }[] = await tx.query(
        `select id from notifications
         where channel_id = $1 and kind = 'digest' and state = 'pending' and attempts = 0 limit 1 for update`,
        [claimed.channelId],
      );
      const others: unknown[] = await tx.query(
        `select id from notifications
         where channel_id = $1 and id <> $2 and state = 'pending' and attempts = 0 and kind <> 'digest'
           and next_attempt_at <= now() limit 1`,
        [claimed.channelId, claimed.id],
      );
      // One message alone says more as itself, a little later.
      if (waiting.length + others.length === 0) return 0;
      const digestId = waiting[0]?.id ?? randomUUID();
      const [, folded]: [unknown, number] = await tx.query(
        `update notifications set state = 'digested', digest_id = $3, leased_until = null, last_error = null
         where id = $2 or id in (
           select id from notifications
           where channel_id = $1 and state = 'pending' and attempts = 0 and kind <> 'digest' and next_attempt_at <= now()
           order by created_at limit ${MAX_FOLDED} for update skip locked)`,
        [claimed.channelId, claimed.id, digestId],
      );
      const rows: { body: Notice; total: number }[] = await tx.query(
        `select body, count(*) over ()::int4 as total from notifications where digest_id = $1
         order by created_at, sequence limit ${MAX_FOLDED}`,
        [digestId],
      );
      const body = JSON.stringify(
        write(
          rows.map((row) => row.body),
          rows[0]?.total ?? 0,
        ),
      );
      await tx.query(
        `insert into notifications (id, tenant_id, group_key, sequence, channel_id, kind, state, body, next_attempt_at)
         values ($1::uuid, $2, 'digest:' || $1::text, 0, $3, 'digest', 'pending', $4, now() + make_interval(secs => $5))
         on conflict (id) do update set body = excluded.body`,
        [digestId, claimed.tenantId, claimed.channelId, body, inSeconds],
      );
      return folded;
    });
  }
}
