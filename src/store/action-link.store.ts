import { Injectable } from '@nestjs/common';
import { DataSource, type EntityManager } from 'typeorm';
import type { LinkClaim } from '../model/action-link.js';
import type { FeedbackVerdict } from '../model/feedback.js';
import type { Notice, NoticeAlert } from '../model/notice.js';
import type { Matcher } from '../model/routing.js';
import { epochMs } from './epoch-ms.js';
import { FeedbackStore } from './feedback.store.js';
import { GroupActionStore } from './group-action.store.js';
import { IncidentActionStore } from './incident-action.store.js';
import { SilenceStore } from './silence.store.js';

/** What a link is about, as it stands now. */
export interface LinkTarget {
  notice: Notice;
  /** Null: the channel was deleted. */
  channel: { id: string; name: string } | null;
  /** When it was used, by whom, and what came of it. */
  used: { by: string; atMs: number; outcome: string } | null;
  /** What the message told is over. */
  isOver: boolean;
  acknowledged: { by: string; atMs: number } | null;
}

/** Who uses a link, through which channel it came, and what is to be noted of it. */
export interface LinkUse {
  by: string;
  channelId: string | null;
  outcome: string;
}

type Queries = Pick<EntityManager, 'query'>;

/** What is done by links in messages. A link is used once: its use and what it does are one transaction. */
@Injectable()
export class ActionLinkStore {
  constructor(
    private readonly db: DataSource,
    private readonly incidents: IncidentActionStore,
    private readonly groups: GroupActionStore,
    private readonly silences: SilenceStore,
    private readonly feedbacks: FeedbackStore,
  ) {}

  /** Null when the message is gone. */
  async target(claim: LinkClaim, db: Queries = this.db): Promise<LinkTarget | null> {
    const { tenantId, notificationId, groupId, incidentId, action } = claim;
    const [row]: TargetRow[] = await db.query(
      `select n.body as notice, n.channel_id as "channelId", c.name as "channelName",
              u.by as "usedBy", ${epochMs('u.at')} as "usedAtMs", u.outcome,
              g.id is null or g.closed_at is not null or n.sequence <= g.begun_sequence
                or coalesce(i.state = 'resolved', false) as "isOver",
              g.acknowledged_by as "acknowledgedBy", ${epochMs('g.acknowledged_at')} as "acknowledgedAtMs"
         from notifications n
         left join channels c on c.tenant_id = n.tenant_id and c.id = n.channel_id
         left join alert_groups g on g.tenant_id = n.tenant_id and g.id = $3
         left join incidents i on i.tenant_id = n.tenant_id and i.id = $4
         left join used_links u on u.tenant_id = n.tenant_id and u.notification_id = n.id and u.action = $5
        where n.tenant_id = $1 and n.id = $2 and n.group_key = $3::text`,
      [tenantId, notificationId, groupId, incidentId, action],
    );
    if (row === undefined) return null;
    const { notice, channelId, channelName, isOver, usedBy, usedAtMs, outcome, acknowledgedBy, acknowledgedAtMs } = row;
    return {
      notice,
      channel: channelName === null ? null : { id: channelId, name: channelName },
      used: usedBy === null ? null : { by: usedBy, atMs: usedAtMs!, outcome: outcome! },
      isOver,
      acknowledged: acknowledgedBy === null ? null : { by: acknowledgedBy, atMs: acknowledgedAtMs! },
    };
  }

  /** False when the link was used before; then nothing is done. */
  async acknowledge(claim: LinkClaim, use: LinkUse): Promise<boolean> {
    return this.once(claim, use, async (tx) => {
      const { tenantId, groupId, incidentId } = claim;
      const action = { kind: 'acknowledged', by: use.by, comment: '', channelId: use.channelId } as const;
      if (incidentId === null) await this.groups.addWithin(tx, tenantId, groupId, action);
      else await this.incidents.addWithin(tx, tenantId, incidentId, { ...action, subject: null });
    });
  }

  /** False when the link was used before; then nothing is done. */
  async silence(
    claim: LinkClaim,
    use: LinkUse,
    { matchers, comment, nowMs, endsAtMs }: { matchers: Matcher[]; comment: string; nowMs: number; endsAtMs: number },
  ): Promise<boolean> {
    const values = { matchers, comment, createdBy: use.by, startsAtMs: nowMs, endsAtMs };
    return this.once(
      claim,
      use,
      async (tx) => void (await this.silences.createWithin(tx, claim.tenantId, values, nowMs)),
    );
  }

  /** What somebody says of what the message told, firing by firing. False when the link was used before; then nothing is done. */
  async feedback(
    claim: LinkClaim,
    use: LinkUse,
    { verdict, alerts }: { verdict: FeedbackVerdict; alerts: readonly NoticeAlert[] },
  ): Promise<boolean> {
    const firings = alerts.flatMap(({ id, ruleId, labels, startsAt }) =>
      id === undefined || ruleId === null
        ? []
        : [{ alertId: id, ruleId, labels, firedAtMs: Date.parse(startsAt), incidentId: claim.incidentId }],
    );
    const word = { verdict, by: use.by, comment: '', channelId: use.channelId };
    return this.once(claim, use, (tx) => this.feedbacks.onFiringsWithin(tx, claim.tenantId, firings, word));
  }

  private async once(claim: LinkClaim, use: LinkUse, act: (tx: EntityManager) => Promise<void>): Promise<boolean> {
    const { tenantId, notificationId, action, expiresAtMs } = claim;
    return this.db.transaction(async (tx) => {
      const first: unknown[] = await tx.query(
        `insert into used_links (tenant_id, notification_id, action, by, outcome, expires_at)
         values ($1, $2, $3, $4, $5, $6) on conflict do nothing returning action`,
        [tenantId, notificationId, action, use.by, use.outcome, new Date(expiresAtMs)],
      );
      if (first.length === 0) return false;
      await act(tx);
      return true;
    });
  }
}

interface TargetRow {
  notice: Notice;
  channelId: string;
  channelName: string | null;
  usedBy: string | null;
  usedAtMs: number | null;
  outcome: string | null;
  isOver: boolean;
  acknowledgedBy: string | null;
  acknowledgedAtMs: number | null;
}
