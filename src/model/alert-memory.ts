import type { Alert, AlertState } from './alert.js';

/** What is remembered of one alert between two evaluations; all instants are event time. */
export interface Memory {
  state: AlertState;
  /** Since when the condition holds, if it does. */
  activeAtMs: number | null;
  firedAtMs: number | null;
  /** Since when it is clear, while recovering. */
  clearSinceMs: number | null;
  /** When there was data last. */
  seenAtMs: number;
  /** The last evaluations, newest last: where N of M is asked for. */
  recent: boolean[];
}

/** An alert with what the state machine remembers of it. */
export interface Instance {
  alert: Alert;
  memory: Memory;
  /** Of the rule, when it was evaluated last. */
  epoch: number;
}
