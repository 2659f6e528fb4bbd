/** One tenant's figures by label. */
export interface TenantFigures {
  /** Spans by outcome, as counted in the commit that decided it. */
  spans: Record<string, number>;
  /** Requests refused as a whole, by reason. */
  refused: Record<string, number>;
  /** Stored spans that retention has taken, by why: age or space. */
  dropped: Record<string, number>;
  /** The same of log records. */
  logs: Record<string, number>;
  /** Event time from the tenant's watermark back to the stage's cursor (s). */
  stageLagS: Record<string, number>;
  /** Failed attempts in a row. */
  stageFailures: Record<string, number>;
  /** Unresolved incidents by severity. */
  incidents: Record<string, number>;
  /** Alerts that are not at rest, by state; error: rules that cannot be evaluated. */
  alerts: Record<string, number>;
  /** Alerts that there was no room for, of rules that have as many as a rule may have. */
  alertsLeftOut: number;
  /** Notifications by state. */
  notifications: Record<string, number>;
}
