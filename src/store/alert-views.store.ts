import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import type { Alert, AlertState } from '../model/alert.js';
import type { AlertStory } from '../model/alert-story.js';
import { ALERT_COLUMNS } from './alert.store.js';
import { epochMs } from './epoch-ms.js';
import { isoUs } from './iso-time.js';

export interface AlertFilter {
  state?: AlertState | undefined;
  ruleId?: string | undefined;
  limit: number;
  cursor?: { updatedAt: string; id: string } | undefined;
}

const MOST = 100;
const COLUMNS = `${ALERT_COLUMNS}, ${isoUs('updated_at')} as "updatedAt"`;

/** What the screens of alerts show; nothing of another tenant is ever found. */
@Injectable()
export class AlertViewsStore {
  constructor(private readonly db: DataSource) {}

  /** The last to change first, at most `limit`; `updatedAt` and the id are the place after which the list goes on. */
  async list(tenantId: number, filter: AlertFilter): Promise<(Alert & { updatedAt: string })[]> {
    const { state = null, ruleId = null, limit, cursor } = filter;
    return this.db.query(
      `select ${COLUMNS} from alerts
       where tenant_id = $1 and ($2::text is null or state = $2) and ($3::uuid is null or rule_id = $3)
         and ($4::timestamptz is null or (updated_at <= $4 and (updated_at < $4 or id > $5::uuid)))
       order by updated_at desc, id limit $6`,
      [tenantId, state, ruleId, cursor?.updatedAt ?? null, cursor?.id ?? null, limit],
    );
  }

  /** Null when this tenant has none of that id. */
  async get(tenantId: number, id: string): Promise<AlertStory | null> {
    const [alert]: Alert[] = await this.db.query(
      `select ${ALERT_COLUMNS} from alerts where tenant_id = $1 and id = $2`,
      [tenantId, id],
    );
    if (alert === undefined) return null;
    const transitions: AlertStory['transitions'] = await this.db.query(
      `select sequence, ${epochMs('at')} as "atMs", from_state as "from", to_state as "to", reason
         from alert_transitions where tenant_id = $1 and alert_id = $2 order by sequence desc limit ${MOST}`,
      [tenantId, id],
    );
    const decisions: AlertStory['decisions'] = await this.db.query(
      `select sequence, ${epochMs('at')} as "atMs", send, reason, detail, channel_ids as "channelIds"
         from route_decisions where tenant_id = $1 and alert_id = $2 order by id desc limit ${MOST}`,
      [tenantId, id],
    );
    return { alert, transitions, decisions };
  }
}
