import type { Signal } from './anomaly.js';
import type { Severity } from './incident.js';

export const RULE_TYPES = ['anomaly', 'threshold', 'burn_rate', 'trace_match', 'absence', 'structural'] as const;
export type RuleType = (typeof RULE_TYPES)[number];

export const SPAN_KIND_NAMES = ['internal', 'server', 'client', 'producer', 'consumer'] as const;
export type SpanKindName = (typeof SPAN_KIND_NAMES)[number];

export const WEEKDAYS = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'] as const;
export type Weekday = (typeof WEEKDAYS)[number];

/** A length of time as people write it: `90s`, `5m`, `1h30m`, `3d`. */
export type DurationText = string;

/** Which operations a rule is about. Globs (`*`, `?`); an empty list stands for all. */
export interface Selector {
  services: string[];
  operations: string[];
  kinds: SpanKindName[];
  namespaces: string[];
  environments: string[];
  /** Attributes of the service's resource, one of whose values matches one of the globs. */
  attributes: { key: string; values: string[] }[];
}

/** When a rule is at work, by the clocks of a time zone. `to` is exclusive; a range that ends before it begins goes over midnight. */
export interface ActiveHours {
  timeZone: string;
  ranges: { days: Weekday[]; from: string; to: string }[];
}

/** What happens to an alert of which nothing is known: `keep` leaves it as it is for an hour, `resolve` ends it, `no_data` shows it so, `fire` takes it for bad. */
export const NO_DATA_POLICIES = ['keep', 'resolve', 'no_data', 'fire'] as const;
export type NoDataPolicy = (typeof NO_DATA_POLICIES)[number];

/** What every rule has. `services` are part of the selector. */
export interface RuleCommon extends Selector {
  name: string;
  enabled: boolean;
  /** Null: every channel of the tenant. */
  channelIds: string[] | null;
  /** Texts may hold `{{ labels.service }}`, `{{ value }}` and the like, see `fillTemplate`. */
  labels: Record<string, string>;
  annotations: Record<string, string>;
  runbookUrl: string | null;
  activeHours: ActiveHours | null;
}

/** How a condition becomes an alert. */
export interface Evaluation {
  every: DurationText;
  for: DurationText;
  keepFiringFor: DurationText;
  /** It counts when it held in `n` of the last `m` evaluations; null: in the last one. */
  nOfM: { n: number; m: number } | null;
  noData: NoDataPolicy;
}

export const SENSITIVITIES = ['low', 'medium', 'high'] as const;
export type Sensitivity = (typeof SENSITIVITIES)[number];

/** What deviates from what is normal: incidents, or (at high sensitivity) also series that nobody would open an incident for. */
export interface AnomalyDefinition extends Evaluation {
  type: 'anomaly';
  minSeverity: Severity;
  /** Null: all. */
  signals: Signal[] | null;
  sensitivity: Sensitivity;
  /** At most so many alerts a week, the strongest; null: no such limit. */
  budgetPerWeek: number | null;
  /** Raw spans behind what was observed. */
  minVolume: number;
  effect: { minAbsolute: number | null; minRelative: number | null } | null;
}

/** `operation` means service, operation and kind. */
export const GROUP_LABELS = ['service', 'operation', 'kind'] as const;
export type GroupLabel = (typeof GROUP_LABELS)[number];

export interface GroupedEvaluation extends Evaluation {
  severity: Severity;
  groupBy: GroupLabel[];
}

export const MEASURES = ['p50', 'p75', 'p90', 'p95', 'p99', 'p99.9', 'error_rate', 'rate', 'apdex'] as const;
export type Measure = (typeof MEASURES)[number];

/** A measure over a window is above or below a limit. Latency in milliseconds, rate per second, error rate and Apdex from 0 to 1. */
export interface ThresholdDefinition extends GroupedEvaluation {
  type: 'threshold';
  measure: Measure;
  window: DurationText;
  above: number | null;
  below: number | null;
  /** While it fires it goes on until this is reached; null: the limit itself. */
  recoverAt: number | null;
  /** For Apdex: what satisfies. */
  apdexT: DurationText | null;
  minVolume: number;
  /** How far it must be from the same measure over the time before the window. */
  effect: { reference: DurationText; minAbsolute: number | null; minRelative: number | null } | null;
}

export interface BurnWindow {
  long: DurationText;
  short: DurationText;
  burnRate: number;
  severity: Severity;
}

/** An error budget is being used up too fast, in a long and a short window at once. */
export interface BurnRateDefinition extends GroupedEvaluation {
  type: 'burn_rate';
  /** Share of good events that is promised, such as 0.999. */
  objective: number;
  /** Over which time. */
  period: DurationText;
  /** An event is bad when it fails, and, if this is set, when it takes longer. */
  latency: DurationText | null;
  windows: BurnWindow[];
  /** In the long window. */
  minEvents: number;
}

/** One span of a trace. All that is given must hold. */
export interface SpanFilter {
  services: string[];
  operations: string[];
  kinds: SpanKindName[];
  status: 'error' | 'ok' | null;
  minDuration: DurationText | null;
  maxDuration: DurationText | null;
  attributes: AttributeFilter[];
  /** How many such spans the trace must have. */
  minCount: number;
  maxCount: number | null;
  /** It must stand below, above or directly below a span that matches an earlier filter (by its place in the list, from 0). */
  relation: { is: 'descendant_of' | 'ancestor_of' | 'child_of'; filter: number } | null;
}

export const ATTRIBUTE_OPERATORS = ['equals', 'not_equals', 'glob', 'exists', 'missing', 'above', 'below'] as const;

/** Of the span; a key that begins with `resource.` of its resource. */
export interface AttributeFilter {
  key: string;
  operator: (typeof ATTRIBUTE_OPERATORS)[number];
  value: string | number | boolean | null;
}

/** Traces in which all filters find a span. */
export interface TraceMatchDefinition extends GroupedEvaluation {
  type: 'trace_match';
  where: SpanFilter[];
  /** Of the whole trace. */
  minTraceDuration: DurationText | null;
  window: DurationText;
  /** Matching traces in the window. */
  minTraces: number;
}

/** Something that was there is there no more. */
export interface AbsenceDefinition extends GroupedEvaluation {
  type: 'absence';
  window: DurationText;
  /** Fewer spans than this in the window are too few. */
  minCount: number;
  /** What was not seen within this time before the window either is not waited for. */
  expectedWithin: DurationText;
}

export const STRUCTURAL_CHANGES = ['new_call', 'missing_call', 'repeated_call'] as const;

/** Who calls whom has changed. The selector is about the caller. */
export interface StructuralDefinition extends GroupedEvaluation {
  type: 'structural';
  change: (typeof STRUCTURAL_CHANGES)[number];
  window: DurationText;
  /** What calls there were is looked up over this time before the window. */
  reference: DurationText;
  /** Sampled spans of the caller in the window. */
  minVolume: number;
  /** For `repeated_call`: calls a span of the caller. */
  minRatio: number;
  /** Globs on the services called; empty: all. */
  calleeServices: string[];
}

export type RuleDefinition =
  | AnomalyDefinition
  | ThresholdDefinition
  | BurnRateDefinition
  | TraceMatchDefinition
  | AbsenceDefinition
  | StructuralDefinition;

/** What people say of a rule. */
export type RuleValues = RuleCommon & RuleDefinition;

/** A condition, and how it becomes alerts. */
export type Rule = RuleValues & {
  id: string;
  tenantId: number;
  /** Rises with every change of what the rule means; alerts of an earlier epoch are reset. */
  epoch: number;
};

/** Who looks after a rule: whoever has the API, or the rules file, which alone may change it then. */
export const RULE_SOURCES = ['api', 'file'] as const;
export type RuleSource = (typeof RULE_SOURCES)[number];

/** A rule as it is kept. */
export type StoredRule = Rule & { source: RuleSource };

export type RuleOf<T extends RuleType> = Extract<Rule, { type: T }>;
export type AnomalyRule = RuleOf<'anomaly'>;

/** What a rule has of which nothing more is said than in the first versions. */
export const ANOMALY_DEFAULTS: Omit<
  RuleCommon & AnomalyDefinition,
  'name' | 'enabled' | 'services' | 'minSeverity' | 'channelIds'
> = {
  type: 'anomaly',
  operations: [],
  kinds: [],
  namespaces: [],
  environments: [],
  attributes: [],
  labels: {},
  annotations: {},
  runbookUrl: null,
  activeHours: null,
  signals: null,
  sensitivity: 'medium',
  budgetPerWeek: null,
  minVolume: 0,
  effect: null,
  every: '10s',
  for: '0s',
  keepFiringFor: '2m',
  nOfM: null,
  noData: 'keep',
};
