import { Injectable, Logger } from '@nestjs/common';
import { DataSource, type EntityManager } from 'typeorm';
import type { Alert, AlertState } from '../model/alert.js';
import type { FlushedGroup, GroupAtHand } from '../model/alert-group.js';
import type { Notice } from '../model/notice.js';
import type { Placement } from '../model/placement.js';
import type { Inhibition, Routing } from '../model/routing.js';
import { ChannelStore } from './channel.store.js';
import { GroupStore, type Placed } from './group.store.js';
import { OutsideAlertStore } from './outside-alert.store.js';
import { isDatabaseOutage } from './outage.js';
import { lockRouting, RoutingStore, type RoutingRules } from './routing.store.js';

/** Steps of alerts, or groups, in one transaction: bounds memory, and how long others wait for it. */
const STEPS_AT_ONCE = 500;
const GROUPS_AT_ONCE = 100;
/** When a group that could not be decided upon is tried again. */
const PUT_OFF_S = 60;

/** What routing decides, without knowing of tables. */
export interface RouteLogic {
  defaultRouting: Routing;
  placementsOf(routing: Routing, alert: Alert, ruleChannelIds: string[] | null): Placement[];
  /** Wall time at which a group that began with this alert is looked at first. */
  firstFlushAt(alert: Alert, settings: Placement['settings'], heardAtMs: number): number;
  isSource(inhibitions: readonly Inhibition[], alert: Alert): boolean;
  flush(group: GroupAtHand, around: Surroundings): FlushedGroup;
}

/** What a decision about any group depends on besides the group. */
export interface Surroundings extends Omit<RoutingRules, 'routing'> {
  routing: Routing;
  /** Channels that can be told, oldest first. */
  enabledChannelIds: string[];
  /** Empty when nothing inhibits. */
  firing: Alert[];
  nowMs: number;
}

interface StepRow {
  alert_id: string;
  sequence: number;
  at: Date;
  to_state: AlertState;
  reason: string;
  snapshot: Alert;
  notice: Notice | null;
  heard_ms: string;
}

const FIRING: ReadonlySet<AlertState> = new Set(['firing', 'recovering']);

/**
 * Of each alert the oldest step that is not routed. A transaction that began earlier may write the later step of an alert: it counts as
 * heard when the step before it was.
 */
const OLDEST_STEPS = `
  with oldest as (
    select t.*, greatest(t.created_at, r.heard_at) as heard_at
    from alert_transitions t left join routed_alerts r on r.tenant_id = t.tenant_id and r.alert_id = t.alert_id
    where t.tenant_id = $1 and t.routed_at is null
      and not exists (
        select from alert_transitions e
        where e.tenant_id = $1 and e.alert_id = t.alert_id and e.sequence < t.sequence and e.routed_at is null))`;

/** The work of routing, in the order in which it fell due, a transaction at a time; whoever does it holds the tenant's row of `routing`. */
@Injectable()
export class RouteStore {
  private readonly log = new Logger('route');

  constructor(
    private readonly db: DataSource,
    private readonly routing: RoutingStore,
    private readonly groups: GroupStore,
    private readonly channels: ChannelStore,
    private readonly outside: OutsideAlertStore,
  ) {}

  /**
   * Does what is next for the tenant: applies steps of alerts, or decides on groups whose time has come. A step is applied before a group
   * is decided upon only when it was known before the group was due, so that working late tells the same as working in time. Null when
   * there is nothing to do; `told` when there is something new in the outbox. What fails is put aside and holds up nothing else.
   */
  async next(tenantId: number, nowMs: number, logic: RouteLogic): Promise<'routed' | 'told' | null> {
    const attempt = (tried: Tried, steps: number, groups: number) =>
      this.db.transaction((tx) => this.work(tx, { tenantId, nowMs, logic, tried, steps, groups }));
    try {
      return await attempt({}, STEPS_AT_ONCE, GROUPS_AT_ONCE);
    } catch (error) {
      // An outage is nobody's fault: all wait.
      if (isDatabaseOutage(error)) throw error;
    }
    // One of many may have made it fail; alone it shows.
    const tried: Tried = {};
    try {
      return await attempt(tried, 1, 1);
    } catch (error) {
      if (isDatabaseOutage(error) || (tried.step === undefined && tried.group === undefined)) throw error;
      await this.putAside(tenantId, tried, nowMs, error);
      return 'routed';
    }
  }

  /** Tenants for which something is to be routed, or has come to its time. */
  async due(nowMs: number): Promise<number[]> {
    const rows: { tenant_id: number }[] = await this.db.query(
      `select tenant_id from alert_transitions where routed_at is null
       union select tenant_id from alert_groups
              where flush_at is not null and (flush_at <= $1 or flushed_at > $1::timestamptz + interval '5 seconds')
       union select tenant_id from alerts where rule_id is null and state = 'firing' and ends_at <= $1
       union select tenant_id from routing where is_stale or version <> applied_version
       union select c.tenant_id from channels c join routing r using (tenant_id)
              where r.channels_seen_at is null or c.updated_at > r.channels_seen_at`,
      [new Date(nowMs)],
    );
    return rows.map((row) => row.tenant_id);
  }

  private async work(tx: EntityManager, task: Task): Promise<'routed' | 'told' | null> {
    const { tenantId, nowMs, logic, tried } = task;
    await lockRouting(tx, tenantId);
    const rules = await this.routing.rules(tenantId, nowMs, tx);
    const routing = rules.routing ?? logic.defaultRouting;
    if (await this.adopt(tx, task, routing)) return 'routed';
    if (await this.outside.expire(tx, tenantId, nowMs)) return 'routed';
    const dueAtMs = await this.groups.firstDue(tx, tenantId, nowMs);
    const steps = await this.unrouted(tx, tenantId, dueAtMs, task.steps);
    if (steps.length > 0) {
      if (steps.length === 1) tried.step = steps[0]!;
      await this.apply(tx, task, steps, rules, routing);
      return 'routed';
    }
    if (dueAtMs === null) return null;
    const nextStepMs = await this.firstUnrouted(tx, tenantId);
    const beforeMs = nextStepMs === null ? null : Math.max(nextStepMs, dueAtMs);
    const due = await this.groups.due(tx, tenantId, nowMs, beforeMs, task.groups);
    if (due.length === 1) tried.group = due[0]!;
    const around: Surroundings = {
      ...rules,
      routing,
      enabledChannelIds: await this.channels.enabledIds(tenantId, tx),
      firing: rules.inhibitions.length === 0 ? [] : await this.groups.firing(tx, tenantId),
      nowMs,
    };
    const flushed = due.map((group) => logic.flush(group, around));
    await this.groups.save(tx, tenantId, flushed, due, nowMs);
    return flushed.some(({ notifications }) => notifications.length > 0) ? 'told' : 'routed';
  }

  /** Takes note of changes in how is routed: groups what fires anew after a change of the tree, and has every group looked at. */
  private async adopt(tx: EntityManager, { tenantId, nowMs, logic }: Task, routing: Routing): Promise<boolean> {
    const [row]: { version: number; applied_version: number; is_stale: boolean; has_news: boolean }[] = await tx.query(
      `select version, applied_version, is_stale,
         exists (select from channels c where c.tenant_id = r.tenant_id
                   and (r.channels_seen_at is null or c.updated_at > r.channels_seen_at)) as has_news
       from routing r where tenant_id = $1`,
      [tenantId],
    );
    const isNewTree = row!.version !== row!.applied_version;
    if (!isNewTree && !row!.is_stale && !row!.has_news) return false;
    if (isNewTree) {
      const firing = await this.groups.firing(tx, tenantId);
      const named = await channelsOfRules(tx, tenantId, firing);
      const placed = firing.map((alert) => placedBy(logic, routing, alert, named, nowMs));
      await this.groups.place(tx, tenantId, placed, nowMs);
    }
    await this.groups.wakeAll(tx, tenantId, nowMs);
    await tx.query(
      `update routing set applied_version = version, is_stale = false,
         channels_seen_at = greatest(channels_seen_at, (select max(updated_at) from channels where tenant_id = $1))
       where tenant_id = $1`,
      [tenantId],
    );
    return true;
  }

  /** The oldest step of each alert that is not routed and was known before `beforeMs`, in the order in which they came. */
  private async unrouted(
    tx: EntityManager,
    tenantId: number,
    beforeMs: number | null,
    limit: number,
  ): Promise<StepRow[]> {
    return tx.query(
      `${OLDEST_STEPS}
       select alert_id, sequence, at, to_state, reason, snapshot, notice, extract(epoch from heard_at) * 1000 as heard_ms
       from oldest where $2::timestamptz is null or heard_at < $2 order by heard_at, alert_id limit $3`,
      [tenantId, beforeMs === null ? null : new Date(beforeMs), limit],
    );
  }

  private async firstUnrouted(tx: EntityManager, tenantId: number): Promise<number | null> {
    const [row]: { at_ms: string | null }[] = await tx.query(
      `${OLDEST_STEPS} select extract(epoch from min(heard_at)) * 1000 as at_ms from oldest`,
      [tenantId],
    );
    return row?.at_ms == null ? null : Math.ceil(Number(row.at_ms));
  }

  private async apply(
    tx: EntityManager,
    { tenantId, nowMs, logic }: Task,
    steps: readonly StepRow[],
    { inhibitions }: RoutingRules,
    routing: Routing,
  ): Promise<void> {
    const known = await this.groups.known(
      tx,
      tenantId,
      steps.map(({ alert_id }) => alert_id),
    );
    // What never fired is nobody's business.
    const changed = steps
      .filter(({ alert_id, to_state }) => FIRING.has(to_state) || known.get(alert_id) === true)
      .map((step) => ({
        alert: step.snapshot,
        reason: step.reason,
        isFiring: FIRING.has(step.to_state),
        routedAtMs: nowMs,
        notice: step.notice,
        stepAtMs: step.at.getTime(),
        heardAtMs: Math.floor(Number(step.heard_ms)),
      }));
    await this.groups.remember(tx, tenantId, changed, nowMs);
    const firing = changed.filter(({ isFiring }) => isFiring);
    const named = await channelsOfRules(
      tx,
      tenantId,
      firing.map(({ alert }) => alert),
    );
    const placed = firing.map(({ alert, heardAtMs }) => placedBy(logic, routing, alert, named, heardAtMs));
    await this.groups.place(tx, tenantId, placed, nowMs);
    await this.groups.wake(
      tx,
      tenantId,
      changed.map(({ alert, heardAtMs }) => ({ alertId: alert.id, atMs: heardAtMs })),
    );
    if (changed.some(({ alert }) => logic.isSource(inhibitions, alert))) await this.groups.wakeAll(tx, tenantId, nowMs);
    await tx.query(
      `update alert_transitions t set routed_at = now() from unnest($2::uuid[], $3::int4[]) as step (alert_id, sequence)
       where t.tenant_id = $1 and t.alert_id = step.alert_id and t.sequence = step.sequence`,
      [tenantId, steps.map(({ alert_id }) => alert_id), steps.map(({ sequence }) => sequence)],
    );
  }

  /** A step is left out for good, a group is tried again later; the log says what went wrong. */
  private async putAside(tenantId: number, { step, group }: Tried, nowMs: number, error: unknown): Promise<void> {
    const why = error instanceof Error ? (error.stack ?? error.message) : String(error);
    if (step !== undefined) {
      this.log.error(`step ${step.sequence} of alert ${step.alert_id} cannot be routed and is left out: ${why}`);
      await this.db.query(
        `update alert_transitions set routed_at = now() where tenant_id = $1 and alert_id = $2 and sequence = $3`,
        [tenantId, step.alert_id, step.sequence],
      );
    } else if (group !== undefined) {
      this.log.error(`group ${group.group.key} cannot be decided upon and is tried again in ${PUT_OFF_S} s: ${why}`);
      await this.db.query(`update alert_groups set flush_at = $3 where tenant_id = $1 and id = $2`, [
        tenantId,
        group.group.id,
        new Date(nowMs + PUT_OFF_S * 1_000),
      ]);
    }
  }
}

interface Task {
  tenantId: number;
  nowMs: number;
  logic: RouteLogic;
  tried: Tried;
  /** At most so many in one transaction. */
  steps: number;
  groups: number;
}

/** What was worked at alone when it failed. */
interface Tried {
  step?: StepRow;
  group?: GroupAtHand;
}

function placedBy(
  logic: RouteLogic,
  routing: Routing,
  alert: Alert,
  named: ReadonlyMap<string, string[]>,
  heardAtMs: number,
): Placed {
  const placements = logic.placementsOf(routing, alert, (alert.ruleId !== null && named.get(alert.ruleId)) || null);
  return {
    alert,
    placements: placements.map((placement) => ({
      ...placement,
      firstFlushAtMs: logic.firstFlushAt(alert, placement.settings, heardAtMs),
    })),
  };
}

/** The channels of those rules of these alerts that name channels. */
async function channelsOfRules(
  tx: EntityManager,
  tenantId: number,
  alerts: readonly Alert[],
): Promise<Map<string, string[]>> {
  const ruleIds = [...new Set(alerts.map(({ ruleId }) => ruleId))].filter((id) => id !== null);
  if (ruleIds.length === 0) return new Map();
  const rows: { id: string; channel_ids: string[] }[] = await tx.query(
    `select id, channel_ids from rules where tenant_id = $1 and id = any ($2) and channel_ids is not null`,
    [tenantId, ruleIds],
  );
  return new Map(rows.map((row) => [row.id, row.channel_ids]));
}
