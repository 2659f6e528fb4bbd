import type { Cause } from './cause.js';
import type { Affected, Severity } from './incident.js';

/** In which way a service is at fault: it takes longer, it fails or stops short, or more or less of it is asked for. */
export type Way = 'slow' | 'failing' | 'traffic';

/** A service that is at fault for what it shows itself, whatever else is wrong. */
export interface Root {
  service: string;
  /** Probability that it is, by its own findings alone. */
  score: number;
  /** Names of deviating calls of it to what makes no spans: that may be at fault in its place. */
  behind: string[];
  /** In which ways, each by the findings of that kind alone. Missing in what was written before this was looked for. */
  ways?: Way[];
}

/** Anomalies of one window that belong together, with whom they point to: what the incident stage works on. */
export interface AnomalyGroup {
  windowAtMs: number;
  severity: Severity;
  /** Start of the earliest deviating window among them. */
  sinceMs: number;
  affected: Affected[];
  causes: Cause[];
  /** Best first: one for each fault, none when the fault is not seen where it is. Missing in what was written before this was looked for. */
  roots?: Root[];
  exemplars: string[];
}
