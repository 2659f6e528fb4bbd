import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import type { ThreadReference } from '../model/channel.js';
import type { Notice } from '../model/notice.js';

/** What is to be sent again to a channel that forgets. */
export interface DueResend {
  tenantId: number;
  channelId: string;
  groupKey: string;
  notificationId: string;
  notice: Notice;
}

/** What channels need to know of earlier messages about the same thing: where a thread began, and what must be said again and again. */
@Injectable()
export class ChannelThreadStore {
  constructor(private readonly db: DataSource) {}

  async thread(tenantId: number, channelId: string, groupKey: string): Promise<ThreadReference | null> {
    const rows: { reference: ThreadReference }[] = await this.db.query(
      `select reference from channel_threads where tenant_id = $1 and channel_id = $2 and group_key = $3`,
      [tenantId, channelId, groupKey],
    );
    return rows[0]?.reference ?? null;
  }

  async setThread(tenantId: number, channelId: string, groupKey: string, reference: ThreadReference): Promise<void> {
    await this.db.query(
      `insert into channel_threads (tenant_id, channel_id, group_key, reference) values ($1, $2, $3, $4)
       on conflict (tenant_id, channel_id, group_key) do update set reference = excluded.reference, updated_at = now()`,
      [tenantId, channelId, groupKey, JSON.stringify(reference)],
    );
  }

  /** From now on the message is sent again every `everyS` seconds, for `forS` seconds; one about the same group takes its place. */
  async resend(message: DueResend, everyS: number, forS: number): Promise<void> {
    const { tenantId, channelId, groupKey, notificationId, notice } = message;
    await this.db.query(
      `insert into channel_resends (tenant_id, channel_id, group_key, notification_id, body, next_at, until)
       values ($1, $2, $3, $4, $5, now() + make_interval(secs => $6), now() + make_interval(secs => $7))
       on conflict (tenant_id, channel_id, group_key) do update set notification_id = excluded.notification_id,
         body = excluded.body, next_at = excluded.next_at, until = excluded.until`,
      [tenantId, channelId, groupKey, notificationId, JSON.stringify(notice), everyS, forS],
    );
  }

  /** Takes what is due to be sent again, for this time; forgets what need not be said any more. */
  async takeResends(tenantId: number, everyS: number, limit: number): Promise<DueResend[]> {
    await this.db.query(`delete from channel_resends where tenant_id = $1 and until <= now()`, [tenantId]);
    const [rows]: [{ channel_id: string; group_key: string; notification_id: string; body: Notice }[], number] =
      await this.db.query(
        `with due as materialized (
           select channel_id, group_key from channel_resends where tenant_id = $1 and next_at <= now()
           order by next_at limit $3 for update skip locked)
         update channel_resends r set next_at = now() + make_interval(secs => $2)
         from due where r.tenant_id = $1 and r.channel_id = due.channel_id and r.group_key = due.group_key
         returning r.channel_id, r.group_key, r.notification_id, r.body`,
        [tenantId, everyS, limit],
      );
    return rows.map((row) => ({
      tenantId,
      channelId: row.channel_id,
      groupKey: row.group_key,
      notificationId: row.notification_id,
      notice: row.body,
    }));
  }
}
