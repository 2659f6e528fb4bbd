import { Injectable } from '@nestjs/common';
import { DataSource, type EntityManager } from 'typeorm';
import { Rejected } from '../model/failure.js';
import type { Feedback } from '../model/feedback.js';
import { epochMs } from './epoch-ms.js';

type Queries = Pick<EntityManager, 'query'>;
type Firing = Pick<Feedback, 'alertId' | 'firedAtMs' | 'ruleId' | 'incidentId' | 'labels'>;
type Word = Pick<Feedback, 'verdict' | 'by' | 'comment' | 'channelId'>;

const COLUMNS = `alert_id as "alertId", rule_id as "ruleId", incident_id as "incidentId", labels, ${epochMs('fired_at')} as "firedAtMs",
  verdict, by, comment, channel_id as "channelId", ${epochMs('at')} as "atMs"`;
const LAST_WORD = `
  on conflict (tenant_id, alert_id, fired_at) do update
     set verdict = excluded.verdict, by = excluded.by, comment = excluded.comment, channel_id = excluded.channel_id, at = now()
  returning rule_id`;
const MOST = 1_000;

/** What people say of alerts. Each word asks for a look at the rule, in the same transaction. */
@Injectable()
export class FeedbackStore {
  constructor(private readonly db: DataSource) {}

  /** Throws Rejected 404 without that alert, 409 when it is no rule's or never fired. */
  async onAlert(tenantId: number, alertId: string, word: Word): Promise<Feedback[]> {
    return this.db.transaction(async (tx) => {
      const there: unknown[] = await tx.query(`select from alerts where tenant_id = $1 and id = $2`, [
        tenantId,
        alertId,
      ]);
      if (there.length === 0) throw new Rejected('not_found', `there is no alert ${alertId}`, 404, 'id');
      await this.give(tx, tenantId, 'id = any ($2::uuid[])', [alertId], word);
      return this.of(tenantId, { alertId }, tx);
    });
  }

  /** Says it of the alerts that rules have of the incident. Throws Rejected 404 without that incident, 409 when no rule told of it. */
  async onIncident(tenantId: number, incidentId: string, word: Word): Promise<Feedback[]> {
    return this.db.transaction(async (tx) => {
      const there: unknown[] = await tx.query(`select from incidents where tenant_id = $1 and id = $2`, [
        tenantId,
        incidentId,
      ]);
      if (there.length === 0) throw new Rejected('not_found', `there is no incident ${incidentId}`, 404, 'id');
      await this.give(tx, tenantId, 'incident_id = any ($2::uuid[])', [incidentId], word);
      return this.of(tenantId, { incidentId }, tx);
    });
  }

  /** Says it of firings as a message told them. */
  async onFiringsWithin(tx: EntityManager, tenantId: number, firings: readonly Firing[], word: Word): Promise<void> {
    const { verdict, by, comment, channelId } = word;
    const rows: { rule_id: string }[] = await tx.query(
      `insert into alert_feedback as f (tenant_id, alert_id, fired_at, rule_id, incident_id, labels, verdict, by, comment, channel_id)
       select $1, t."alertId", to_timestamp(t."firedAtMs" / 1000.0), t."ruleId", t."incidentId", t.labels, $3, $4, $5, $6
         from jsonb_to_recordset($2::jsonb) as t ("alertId" uuid, "firedAtMs" float8, "ruleId" uuid, "incidentId" uuid, labels jsonb)
       ${LAST_WORD}`,
      [tenantId, JSON.stringify(firings), verdict, by, comment, channelId],
    );
    await this.ask(tx, tenantId, rows);
  }

  /** Of one alert, one incident, or one rule since an instant of wall time; newest first. */
  async of(
    tenantId: number,
    about: { alertId?: string; incidentId?: string; ruleId?: string; sinceMs?: number },
    db: Queries = this.db,
  ): Promise<Feedback[]> {
    const { alertId = null, incidentId = null, ruleId = null, sinceMs = null } = about;
    return db.query(
      `select ${COLUMNS} from alert_feedback
        where tenant_id = $1 and ($2::uuid is null or alert_id = $2) and ($3::uuid is null or incident_id = $3)
          and ($4::uuid is null or rule_id = $4) and ($5::timestamptz is null or at > $5)
        order by at desc, alert_id limit ${MOST}`,
      [tenantId, alertId, incidentId, ruleId, sinceMs === null ? null : new Date(sinceMs)],
    );
  }

  private async give(
    tx: EntityManager,
    tenantId: number,
    which: string,
    ids: readonly string[],
    { verdict, by, comment, channelId }: Word,
  ): Promise<void> {
    const rows: { rule_id: string }[] = await tx.query(
      `insert into alert_feedback as f (tenant_id, alert_id, fired_at, rule_id, incident_id, labels, verdict, by, comment, channel_id)
       select tenant_id, id, fired_at, rule_id, incident_id, labels, $3, $4, $5, $6 from alerts
        where tenant_id = $1 and ${which} and rule_id is not null and fired_at is not null
       ${LAST_WORD}`,
      [tenantId, ids, verdict, by, comment, channelId],
    );
    await this.ask(tx, tenantId, rows);
  }

  private async ask(tx: EntityManager, tenantId: number, rows: readonly { rule_id: string }[]): Promise<void> {
    if (rows.length === 0) {
      throw new Rejected('no_rule', 'no rule of yours has told of it: there is nothing to learn', 409);
    }
    await tx.query(
      `insert into proposal_requests (tenant_id, rule_id) select $1, * from unnest($2::uuid[])
       on conflict (tenant_id, rule_id) do update set asked_at = clock_timestamp()`,
      [tenantId, [...new Set(rows.map((row) => row.rule_id))]],
    );
  }
}
