import type { Severity } from './incident.js';

/** When an alert that keeps coming back is told once more and then muted; what is clearly worse is told all the same. */
export interface MuteFrequent {
  /** Episodes … */
  times: number;
  /** … within so many seconds … */
  withinS: number;
  /** … mute it for so many. */
  forS: number;
}

/** One kind of alert, and how often it came: the same rule, with the same labels but for incident and severity. */
export interface Recurrence {
  key: string;
  ruleId: string;
  labels: Record<string, string>;
  /** Begins of the episodes that count, wall time, oldest first. */
  beginsMs: number[];
  /** The worst so far. */
  severity: Severity;
  /** The worst so far: how many times what is expected was observed, or the other way round; null: not known. */
  strength: number | null;
  mute: {
    fromMs: number;
    untilMs: number;
    /** How often it had come, and within which time. */
    times: number;
    withinS: number;
    /** Event time of the firing that is told with a word about it: later ones are held. */
    firedAtMs: number;
  } | null;
  /** Episodes that were not told since. */
  held: number;
}
