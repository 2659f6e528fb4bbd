import type { MuteFrequent } from './recurrence.js';

/** `=` and `!=` compare texts, `=~` and `!~` match a whole value against a pattern (RE2). A label that is missing counts as empty. */
export const MATCH_OPERATORS = ['=', '!=', '=~', '!~'] as const;
export type MatchOperator = (typeof MATCH_OPERATORS)[number];

export interface Matcher {
  name: string;
  operator: MatchOperator;
  value: string;
}

/** A named set of channels. Null: every channel of the tenant, also those added later. */
export interface Receiver {
  name: string;
  channelIds: string[] | null;
  /** Whether it hears of ends too. */
  sendResolved: boolean;
}

/** What a route settles; what it leaves out it inherits from the route above. */
export interface RouteSettings {
  receiver: string;
  /** Labels that alerts of one group share; `...` stands for all of them, `incident` for the incident that an alert speaks of. */
  groupBy: string[];
  /** How long a new group waits for more alerts before it is told. */
  groupWaitS: number;
  /** The least time from one message about a group to the next; 0: each change is told at once. */
  groupIntervalS: number;
  /** When what still fires is told again. */
  repeatIntervalS: number;
  /** Whether a higher severity of what was told already is told. */
  tellEscalations: boolean;
  /** When nobody acknowledges for this long, `escalateTo` is told too; null: never. */
  escalateAfterS: number | null;
  escalateTo: string | null;
  /** When alerts that keep coming back are muted; null: never. Rows of earlier versions lack it. */
  muteFrequent?: MuteFrequent | null;
  /** Names of mute times in which nothing is told, and of those outside of which nothing is told. */
  muteTimes: string[];
  activeTimes: string[];
}

export interface Route extends Partial<RouteSettings> {
  /** All have to match; none: every alert. */
  matchers: Matcher[];
  /** Whether the routes beside and after this one are asked too. */
  continue: boolean;
  routes: Route[];
}

/** A tenant's tree. The root matches everything and settles everything. */
export interface Routing {
  /** From 0 (nobody has made one) upwards: the ETag. */
  version: number;
  receivers: Receiver[];
  route: Route & RouteSettings;
}

/** While an alert matches `source` and fires, alerts that match `target` and have the same values of `equal` are not told. */
export interface Inhibition {
  id: string;
  name: string;
  source: Matcher[];
  target: Matcher[];
  equal: string[];
}

export interface Silence {
  id: string;
  matchers: Matcher[];
  startsAtMs: number;
  endsAtMs: number;
  createdBy: string;
  comment: string;
  updatedAtMs: number;
}
export type SilenceState = 'pending' | 'active' | 'expired';

/** Alertmanager's `time_interval`: an instant lies in it when it lies in one range of each list that is given. */
export interface TimeInterval {
  /** `09:00` to `17:00`, the end exclusive, `24:00` allowed there. */
  times: { start: string; end: string }[];
  /** `monday`, `monday:friday`. */
  weekdays: string[];
  /** `1`, `1:15`, `-3:-1` counted from the end of the month. */
  daysOfMonth: string[];
  /** `1`, `january`, `1:3`. */
  months: string[];
  /** `2026`, `2026:2028`. */
  years: string[];
  /** IANA time zone. */
  location: string;
}

export interface MuteTime {
  name: string;
  intervals: TimeInterval[];
}
