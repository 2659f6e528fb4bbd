import type { RouteSettings } from './routing.js';

/** A group that an alert belongs to. */
export interface Placement {
  /** Route and labels: what the group is known by. */
  key: string;
  routeKey: string;
  labels: Record<string, string>;
  settings: RouteSettings;
  /** Channels that the alert's rule names; null: those of the route's receiver. */
  channelIds: string[] | null;
}
