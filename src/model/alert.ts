/** inactive: no condition. pending: the condition holds, not yet for long enough. recovering: firing, and quiet but not for long enough. */
export const ALERT_STATES = ['inactive', 'pending', 'firing', 'recovering', 'resolved', 'no_data', 'error'] as const;
export type AlertState = (typeof ALERT_STATES)[number];

/** What is seen against what the rule allows, in `unit`. */
export interface AlertFigures {
  observed: number | null;
  /** The limit that the rule compares with, or what is normal for an adaptive rule. */
  expected: number | null;
  unit:
    | 'us'
    | 'ratio'
    | 'per_second'
    | 'per_window'
    | 'calls_per_call'
    | 'traces'
    | 'burn_rate'
    | 'apdex'
    | 'seconds'
    | 'alerts';
  /** Raw spans or traces behind `observed`. */
  n: number;
}

/** One instance of a rule: its labels are its identity, as in Prometheus. Alerts that others sent to `/api/v2/alerts` have no rule. */
export interface Alert {
  /** Hash of tenant, rule and identity (labels without `severity`; for an anomaly rule the incident). */
  id: string;
  tenantId: number;
  /** Null: it came from outside. */
  ruleId: string | null;
  /** The incident that an anomaly rule speaks of. */
  incidentId: string | null;
  state: AlertState;
  /** Always with `alertname` and `severity`; `service`, `operation` and whatever the rule groups by where known. */
  labels: Record<string, string>;
  annotations: Record<string, string>;
  figures: AlertFigures | null;
  /** Trace ids (32 hex) that show it. */
  exemplars: string[];
  /** Since when the condition holds (event time). */
  activeAtMs: number;
  firedAtMs: number | null;
  /** When it ended; for alerts from outside when it ends unless it is sent again. */
  endsAtMs: number | null;
  /** Where more is to be read; from outside: whatever the sender gave. */
  generatorUrl: string | null;
  /** The last transition's. */
  sequence: number;
}

/** A change of an alert's state, or of what firing means (`escalated`: a higher severity; `updated`: other labels or annotations while firing). */
export interface AlertTransition {
  alertId: string;
  /** From 1 within the alert. */
  sequence: number;
  /** Event time of the decision. */
  atMs: number;
  from: AlertState;
  to: AlertState;
  reason: string;
  /** The alert as it stood after the step. */
  snapshot: Alert;
}
