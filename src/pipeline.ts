import { MINUTE_MS, WINDOW_MS } from './model/window.js';

/**
 * The program on one screen: stages in the order of the flow. Each stage has a cursor per tenant (`done_through`) and may work up to the
 * instant that `ready` derives from the other cursors; it writes its rows and moves its cursor in one transaction.
 *
 *   receive -> journal -> [close] -> measure -> detect -> rank -> incident -> correlate -> alert -> notify
 *                                                              \-> evaluate (rules) -> alerts
 *                                       ^ baseline learns behind incident, and detect waits for it
 */
export const GRACE_MS = 5_000;
/** A window is learned only this long after its verdict, so that the first windows of a fault are not taken for normal. */
export const LEARN_LAG_MS = MINUTE_MS;
/** Late spans within this time reopen their window; later ones are stored and counted, and stay out of the rollups. */
export const REOPEN_LIMIT_MS = 5 * MINUTE_MS;
/** After this much silence (wall clock) a tenant's last windows are closed, so that the end of a stream is seen too. */
export const IDLE_CLOSE_MS = 30_000;

/** Whole traces read per window: enough for shares of a percent, bounded for the sake of time and memory. */
export const SAMPLED_TRACES = 200;
/** Windows looked back on for evidence of a cause. */
export const RANK_LOOK_BACK = 12;

/** Nobody is kept from being told longer than this (wall clock) by the comparison of bad and good traces. */
export const CORRELATE_PATIENCE_MS = 3_000;

export const WINDOW_STAGES = ['measure', 'baseline', 'detect', 'rank', 'incident', 'correlate', 'evaluate'] as const;
export type WindowStage = (typeof WINDOW_STAGES)[number];

/** Instants (epoch ms) through which each stage is done, and through which windows are closed, for one tenant. */
export type Progress = Record<WindowStage, number> & { closed: number };

export interface StageSpec {
  stage: WindowStage;
  /** What one step covers. */
  stepMs: number;
  /** The instant through which the stage may work now. */
  ready: (done: Progress) => number;
  /** Whose bell it rings when its cursor has moved. */
  next: readonly WindowStage[];
}

export const PIPELINE: readonly StageSpec[] = [
  { stage: 'measure', stepMs: WINDOW_MS, ready: (done) => done.closed, next: ['detect'] },
  // Minute m is learned once the minute and the lag after it have been judged …
  { stage: 'baseline', stepMs: MINUTE_MS, ready: (done) => done.incident - LEARN_LAG_MS, next: ['detect'] },
  // … and no window is judged before the last minute that it may rely on was learned: live and replay see the same baseline.
  {
    stage: 'detect',
    stepMs: WINDOW_MS,
    ready: (done) => Math.min(done.measure, done.baseline + MINUTE_MS + LEARN_LAG_MS),
    next: ['rank'],
  },
  { stage: 'rank', stepMs: WINDOW_MS, ready: (done) => done.detect, next: ['incident'] },
  { stage: 'incident', stepMs: WINDOW_MS, ready: (done) => done.rank, next: ['baseline', 'correlate', 'evaluate'] },
  // Alerts wait for it, but only CORRELATE_PATIENCE_MS: what it finds is worth a moment, not a message.
  { stage: 'correlate', stepMs: WINDOW_MS, ready: (done) => done.incident, next: [] },
  // Rules look at what was measured and, at high sensitivity, at what was found.
  { stage: 'evaluate', stepMs: WINDOW_MS, ready: (done) => done.incident, next: [] },
];
