import type { Alert } from '../model/alert.js';
import type { FlushedGroup, GroupAtHand } from '../model/alert-group.js';
import type { Placement } from '../model/placement.js';
import type { MuteFrequent, Recurrence } from '../model/recurrence.js';
import type { Inhibition, Routing } from '../model/routing.js';
import type { RoutingRules } from './routing.store.js';

/** What routing decides, without knowing of tables. */
export interface RouteLogic {
  defaultRouting: Routing;
  placementsOf(routing: Routing, alert: Alert, ruleChannelIds: string[] | null): Placement[];
  /** Wall time at which a group that began with this alert is looked at first. */
  firstFlushAt(alert: Alert, settings: Placement['settings'], heardAtMs: number): number;
  /** By what an alert is known when it comes back, and when it is muted for that; null: it never is. */
  recurrenceOf(routing: Routing, alert: Alert): { key: string; setting: MuteFrequent } | null;
  recur(before: Recurrence | null, alert: Alert, heardAtMs: number, setting: MuteFrequent): Recurrence;
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
  /** What is muted since it keeps coming back. */
  recurrences: Recurrence[];
  nowMs: number;
}
