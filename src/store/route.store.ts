import { Injectable, Logger } from '@nestjs/common';
import { DataSource, type EntityManager } from 'typeorm';
import type { Alert, AlertState } from '../model/alert.js';
import type { GroupAtHand } from '../model/alert-group.js';
import type { Routing } from '../model/routing.js';
import { ChannelStore } from './channel.store.js';
import { databaseNowMs } from './database-clock.store.js';
import { saveFlushes } from './flush.store.js';
import { dueGroups, firstGroupMs, isAhead, wakeAllGroups, wakeGroupsOf } from './group.store.js';
import { OutsideAlertStore } from './outside-alert.store.js';
import { isDatabaseOutage } from './outage.js';
import { placeAlerts } from './placement.store.js';
import type { RouteLogic, Surroundings } from './route-logic.js';
import { firstUnroutedMs, markRouted, unroutedSteps, type StepRow } from './route-step.store.js';
import { firingAlerts, rememberRouted, routedBefore } from './routed-alert.store.js';
import { knownRecurrences, RecurrenceStore, saveRecurrences } from './recurrence.store.js';
import { lockRouting, RoutingStore, type RoutingRules } from './routing.store.js';

/** Steps of alerts, or groups, in one transaction: bounds memory, and how long others wait for it. */
const STEPS_AT_ONCE = 500;
const GROUPS_AT_ONCE = 100;
/** When a group that could not be decided upon is tried again. */
const PUT_OFF_S = 60;

const FIRING: ReadonlySet<AlertState> = new Set(['firing', 'recovering']);

/** The work of routing, in the order in which it fell due, a transaction at a time; whoever does it holds the tenant's row of `routing`. */
@Injectable()
export class RouteStore {
  private readonly log = new Logger('route');

  constructor(
    private readonly db: DataSource,
    private readonly routing: RoutingStore,
    private readonly channels: ChannelStore,
    private readonly outside: OutsideAlertStore,
    private readonly recurrences: RecurrenceStore,
  ) {}

  /**
   * Does what is next for the tenant: applies steps of alerts, or decides on groups whose time has come. A step is applied before a group
   * is decided upon only when it was known before the group was due, so that working late tells the same as working in time. Null when
   * there is nothing to do; `told` when there is something new in the outbox. What fails is put aside and holds up nothing else. It is now
   * as of `atMs`, else by the clock of the database: steps bear its time, and so all processes have the same.
   */
  async next(tenantId: number, atMs: number | null, logic: RouteLogic): Promise<'routed' | 'told' | null> {
    const attempt = (tried: Tried, steps: number, groups: number) =>
      this.db.transaction(async (tx) => {
        await lockRouting(tx, tenantId);
        const nowMs = atMs ?? (await databaseNowMs(tx));
        return this.work(tx, { tenantId, nowMs, logic, tried, steps, groups });
      });
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
      await this.putAside(tenantId, tried, error);
      return 'routed';
    }
  }

  /** Tenants for which something is to be routed, or has come to its time. */
  async due(atMs: number | null = null): Promise<number[]> {
    const now = new Date(atMs ?? (await databaseNowMs(this.db)));
    const rows: { tenant_id: number }[] = await this.db.query(
      `select tenant_id from alert_transitions where routed_at is null
       union select tenant_id from alert_groups
              where flush_at is not null and (flush_at <= $1 or ${isAhead('$1')})
       union select tenant_id from alerts where rule_id is null and state = 'firing' and ends_at <= $1
       union select tenant_id from routing where is_stale or version <> applied_version
       union select c.tenant_id from channels c join routing r using (tenant_id)
              where r.channels_seen_at is null or c.updated_at > r.channels_seen_at`,
      [now],
    );
    return rows.map((row) => row.tenant_id);
  }

  private async work(tx: EntityManager, task: Task): Promise<'routed' | 'told' | null> {
    const { tenantId, nowMs, logic, tried } = task;
    const rules = await this.routing.rules(tenantId, nowMs, tx);
    const routing = rules.routing ?? logic.defaultRouting;
    if (await this.adopt(tx, task, routing)) return 'routed';
    if (await this.outside.expire(tx, tenantId, nowMs)) return 'routed';
    const firstMs = await firstGroupMs(tx, tenantId, nowMs);
    const steps = await unroutedSteps(tx, tenantId, firstMs, task.steps);
    if (steps.length > 0) {
      if (steps.length === 1) tried.step = steps[0]!;
      await this.apply(tx, task, steps, rules, routing);
      return 'routed';
    }
    if (firstMs === null || firstMs > nowMs) return null;
    const nextStepMs = await firstUnroutedMs(tx, tenantId);
    const beforeMs = nextStepMs === null ? null : Math.max(nextStepMs, firstMs);
    const due = await dueGroups(tx, tenantId, nowMs, beforeMs, task.groups);
    if (due.length === 1) tried.group = due[0]!;
    const around: Surroundings = {
      ...rules,
      routing,
      enabledChannelIds: await this.channels.enabledIds(tenantId, tx),
      firing: rules.inhibitions.length === 0 ? [] : await firingAlerts(tx, tenantId),
      recurrences: await this.recurrences.muted(tenantId, nowMs, tx),
      nowMs,
    };
    const flushed = due.map((group) => logic.flush(group, around));
    await saveFlushes(tx, tenantId, flushed, due, nowMs);
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
      const firing = await firingAlerts(tx, tenantId);
      const heard = firing.map((alert) => ({ alert, heardAtMs: nowMs }));
      await placeAlerts(tx, tenantId, heard, { logic, routing, nowMs });
    }
    await wakeAllGroups(tx, tenantId, nowMs);
    await tx.query(
      `update routing set applied_version = version, is_stale = false,
         channels_seen_at = greatest(channels_seen_at, (select max(updated_at) from channels where tenant_id = $1))
       where tenant_id = $1`,
      [tenantId],
    );
    return true;
  }

  /** Counts how often alerts of the same kind came, in the order in which they did. */
  private async countBegins(
    tx: EntityManager,
    tenantId: number,
    begun: readonly { alert: Alert; heardAtMs: number }[],
    { logic, routing }: Pick<Task, 'logic'> & { routing: Routing },
  ): Promise<void> {
    const counted = begun.flatMap(({ alert, heardAtMs }) => {
      const kind = logic.recurrenceOf(routing, alert);
      return kind === null ? [] : [{ alert, heardAtMs, ...kind }];
    });
    const keys = [...new Set(counted.map(({ key }) => key))];
    const recurrences = await knownRecurrences(tx, tenantId, keys);
    for (const { alert, heardAtMs, key, setting } of counted) {
      recurrences.set(key, logic.recur(recurrences.get(key) ?? null, alert, heardAtMs, setting));
    }
    await saveRecurrences(tx, tenantId, [...recurrences.values()]);
  }

  private async apply(
    tx: EntityManager,
    { tenantId, nowMs, logic }: Task,
    steps: readonly StepRow[],
    { inhibitions }: RoutingRules,
    routing: Routing,
  ): Promise<void> {
    const known = await routedBefore(
      tx,
      tenantId,
      steps.map(({ alert_id }) => alert_id),
    );
    // What never fired is nobody's business; an end that is not told yet may still be corrected.
    const isOurs = ({ alert_id, to_state }: StepRow) =>
      FIRING.has(to_state) || known.get(alert_id) === true || (to_state === 'resolved' && known.has(alert_id));
    const changed = steps.filter(isOurs).map((step) => ({
      alert: step.snapshot,
      reason: step.reason,
      isFiring: FIRING.has(step.to_state),
      routedAtMs: nowMs,
      stepAtMs: step.at.getTime(),
      heardAtMs: Math.floor(Number(step.heard_ms)),
    }));
    await rememberRouted(tx, tenantId, changed, nowMs);
    const firing = changed.filter(({ isFiring }) => isFiring);
    const begun = firing.filter(({ alert }) => known.get(alert.id) !== true);
    await this.countBegins(tx, tenantId, begun, { logic, routing });
    await placeAlerts(tx, tenantId, firing, { logic, routing, nowMs });
    await wakeGroupsOf(
      tx,
      tenantId,
      changed.map(({ alert, heardAtMs }) => ({ alertId: alert.id, atMs: heardAtMs })),
    );
    if (changed.some(({ alert }) => logic.isSource(inhibitions, alert))) await wakeAllGroups(tx, tenantId, nowMs);
    await markRouted(tx, tenantId, steps);
  }

  /** A step is left out for good, a group is tried again later; the log says what went wrong. */
  private async putAside(tenantId: number, { step, group }: Tried, error: unknown): Promise<void> {
    const why = error instanceof Error ? (error.stack ?? error.message) : String(error);
    if (step !== undefined) {
      this.log.error(`step ${step.sequence} of alert ${step.alert_id} cannot be routed and is left out: ${why}`);
      await markRouted(this.db, tenantId, [step]);
    } else if (group !== undefined) {
      this.log.error(`group ${group.group.key} cannot be decided upon and is tried again in ${PUT_OFF_S} s: ${why}`);
      await this.db.query(
        `update alert_groups set flush_at = now() + make_interval(secs => $3) where tenant_id = $1 and id = $2`,
        [tenantId, group.group.id, PUT_OFF_S],
      );
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
