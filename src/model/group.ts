import type { Cause } from './cause.js';
import type { Affected, Severity } from './incident.js';

/** Anomalies of one window that belong together, with whom they point to: what the incident stage works on. */
export interface AnomalyGroup {
  windowAtMs: number;
  severity: Severity;
  /** Start of the earliest deviating window among them. */
  sinceMs: number;
  affected: Affected[];
  causes: Cause[];
  exemplars: string[];
}
