import { Injectable, Logger } from '@nestjs/common';
import { DataSource, type EntityManager } from 'typeorm';
import type { Alert, AlertTransition } from '../model/alert.js';
import type { CorrelationReport } from '../model/correlation.js';
import type { Decision, DecisionReason } from '../model/decision.js';
import type { Incident, IncidentEvent, IncidentEventKind } from '../model/incident.js';
import type { Notice } from '../model/notice.js';
import type { Operation } from '../model/operation.js';
import type { AnomalyRule, Rule } from '../model/rule.js';
import { HOUR_MS } from '../model/window.js';
import { CORRELATE_PATIENCE_MS } from '../pipeline.js';
import { AlertStore } from './alert.store.js';
import { AnomalyStore } from './anomaly.store.js';
import { CorrelationStore } from './correlation.store.js';
import { isDatabaseOutage } from './outage.js';
import { IncidentStore } from './incident.store.js';
import { RuleStore } from './rule.store.js';
import { VersionStore } from './version.store.js';

/** Steps in one transaction: rules are read once for them, and others wait no longer for what they lock. */
const EVENTS_AT_ONCE = 50;
/** Seconds until a decision that failed is tried again (what waits for longer was put off by a clock that has been set back); after the last one it is set aside: about three minutes after the first. */
const RETRY_AFTER_S = [1, 5, 30, 150] as const;

const WEEK_MS = 7 * 24 * HOUR_MS;
/** An alert budget is measured by so much of the past. */
const BUDGET_MS = 4 * WEEK_MS;

/** All that a decision about a step of an incident depends on. */
export interface DecisionInput {
  event: IncidentEvent;
  rules: Rule[];
  /** What the rules have of the incident already. */
  alerts: Alert[];
  /** What matching may depend on besides: loaded only when a rule asks for it. */
  context: {
    atMs: number;
    operations: ReadonlyMap<number, Operation>;
    resources: ReadonlyMap<string, ReadonlyMap<string, readonly string[]>>;
    past: readonly Incident[];
    fired: (ruleId: string) => readonly number[];
  };
  /** What distinguishes its bad traces; null when that is not known (yet). */
  report: CorrelationReport | null;
}

export interface Verdict {
  decisions: Decision[];
  transitions: AlertTransition[];
  /** What there is to tell of the step. */
  notice: Notice;
}

interface EventRow {
  incident_id: string;
  sequence: number;
  kind: IncidentEventKind;
  at: Date;
  reason: string;
  snapshot: Incident;
  decide_attempts: number;
}

/** Steps of incidents that wait for a decision, and the decisions. */
@Injectable()
export class DecisionStore {
  private readonly log = new Logger('alert');

  constructor(
    private readonly db: DataSource,
    private readonly rules: RuleStore,
    private readonly correlations: CorrelationStore,
    private readonly alerts: AlertStore,
    private readonly anomalies: AnomalyStore,
    private readonly versions: VersionStore,
    private readonly incidents: IncidentStore,
  ) {}

  /**
   * Has the tenant's next undecided events decided, of an incident one, and writes decisions, alerts and the events' marks in one transaction.
   * A second worker waits at the events' rows and finds them decided. An event waits a moment for the comparison of its traces, and for
   * earlier ones of its incident. One that fails is put off, in the end for good, and holds up its own incident only. Gives how many were
   * decided, null when there was nothing to decide; throws when not even that can be written down.
   */
  async decideNext(tenantId: number, decide: (input: DecisionInput) => Verdict): Promise<number | null> {
    try {
      return await this.db.transaction((tx) => this.decideSome(tx, tenantId, decide, EVENTS_AT_ONCE));
    } catch (error) {
      // An outage is nobody's fault: all wait.
      if (isDatabaseOutage(error)) throw error;
    }
    // One of many may have made it fail; alone it shows.
    const tried: { event?: EventRow } = {};
    try {
      return await this.db.transaction((tx) => this.decideSome(tx, tenantId, decide, 1, tried));
    } catch (error) {
      if (tried.event === undefined || isDatabaseOutage(error)) throw error;
      await this.putOff(tried.event, error);
      return 0;
    }
  }

  private async decideSome(
    tx: EntityManager,
    tenantId: number,
    decide: (input: DecisionInput) => Verdict,
    limit: number,
    tried: { event?: EventRow } = {},
  ): Promise<number | null> {
    const events: EventRow[] = await tx.query(
      `select incident_id, sequence, kind, at, reason, snapshot, decide_attempts from incident_events e
       where tenant_id = $1 and decided_at is null and (decide_after is null or decide_after <= now()
           or decide_after > now() + interval '5 minutes')
         and (created_at <= now() - make_interval(secs => $2) or created_at > now() + interval '1 minute'
              or at <= (select done_through from stage_cursors where tenant_id = $1 and stage = 'correlate'))
         and not exists (
           select from incident_events earlier
           where earlier.incident_id = e.incident_id and earlier.sequence < e.sequence and earlier.decided_at is null)
       order by incident_id, sequence limit $3 for update`,
      [tenantId, CORRELATE_PATIENCE_MS / 1_000, limit],
    );
    if (events.length === 0) return null;
    if (events.length === 1) tried.event = events[0]!;
    const rules = await this.rules.list(tenantId, tx);
    const unconcerned: string[] = [];
    for (const row of events) {
      unconcerned.push(JSON.stringify(byReason(await this.decideOne(tx, tenantId, row, rules, decide))));
    }
    await tx.query(
      `update incident_events e set decided_at = now(), unconcerned_rules = nullif(d.unconcerned_rules, '{}')
       from unnest($1::uuid[], $2::int4[], $3::jsonb[]) d (incident_id, sequence, unconcerned_rules)
       where e.incident_id = d.incident_id and e.sequence = d.sequence`,
      [events.map(({ incident_id }) => incident_id), events.map(({ sequence }) => sequence), unconcerned],
    );
    return events.length;
  }

  /** Gives the rules that the step does not concern. */
  private async decideOne(
    tx: EntityManager,
    tenantId: number,
    row: EventRow,
    rules: Rule[],
    decide: (input: DecisionInput) => Verdict,
  ): Promise<Decision[]> {
    const { decisions, transitions, notice } = decide({
      event: {
        incidentId: row.incident_id,
        sequence: row.sequence,
        kind: row.kind,
        atMs: row.at.getTime(),
        reason: row.reason,
        snapshot: row.snapshot,
      },
      rules,
      context: await this.context(tenantId, rules, row.at.getTime()),
      alerts: await this.alerts.ofIncident(tenantId, row.incident_id, tx),
      report: await this.correlations.get(tenantId, row.incident_id, tx),
    });
    await this.alerts.apply(tx, tenantId, transitions, notice);
    return decisions;
  }

  private async context(tenantId: number, rules: readonly Rule[], atMs: number): Promise<DecisionInput['context']> {
    const asking = rules.filter((rule) => rule.type === 'anomaly' && rule.enabled) as AnomalyRule[];
    const bySeries = asking.some(
      ({ operations, kinds, namespaces, environments, attributes }) =>
        operations.length + kinds.length + namespaces.length + environments.length + attributes.length > 0,
    );
    const budgeted = asking.filter(({ budgetPerWeek }) => budgetPerWeek !== null).map(({ id }) => id);
    const byBudget = budgeted.length > 0;
    const fired = byBudget
      ? await this.alerts.fired(tenantId, budgeted, new Date(atMs - WEEK_MS), new Date(atMs))
      : new Map<string, number[]>();
    return {
      atMs,
      operations: bySeries ? await this.anomalies.operations(tenantId) : new Map(),
      resources: bySeries ? await this.versions.resources(tenantId) : new Map(),
      past: byBudget ? await this.incidents.during(tenantId, atMs - BUDGET_MS, atMs) : [],
      fired: (ruleId) => fired.get(ruleId) ?? [],
    };
  }

  /** Writes down the failure, and when it is tried again. */
  private async putOff({ incident_id, sequence, decide_attempts }: EventRow, error: unknown): Promise<void> {
    const waitS = RETRY_AFTER_S[decide_attempts];
    const what = `decision on step ${sequence} of incident ${incident_id}`;
    const why = error instanceof Error ? (error.stack ?? error.message) : String(error);
    if (waitS === undefined) this.log.error(`${what} is set aside after ${decide_attempts + 1} attempts: ${why}`);
    else this.log.warn(`${what} failed and is tried again in ${waitS} s: ${why}`);
    await this.db.query(
      `update incident_events set decide_attempts = decide_attempts + 1, decide_error = $3,
         decide_after = now() + make_interval(secs => $4), set_aside = $5, decided_at = case when $5 then now() end
       where incident_id = $1 and sequence = $2 and decided_at is null and decide_attempts = $6`,
      [incident_id, sequence, errorText(error), waitS ?? 0, waitS === undefined, decide_attempts],
    );
  }
}

/** Reason → rule id → name, as the row of the step has them. */
function byReason(decisions: readonly Decision[]): Partial<Record<DecisionReason, Record<string, string>>> {
  const reasons: Partial<Record<DecisionReason, Record<string, string>>> = {};
  for (const { ruleId, ruleName, reason } of decisions) (reasons[reason] ??= {})[ruleId] = ruleName;
  return reasons;
}

/** The first line, without what a column cannot hold. */
function errorText(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  return message.split('\n')[0]!.replaceAll('\0', '\ufffd').slice(0, 500);
}
