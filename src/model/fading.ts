import type { EdgeBaseline, OperationBaseline } from './baseline.js';
import { fadeShapes } from './shape.js';
import { fadeDispersion, fadeSpread } from './spread.js';

/** At this many windows (an hour) everything is halved: observations fade with a half-life of half an hour to an hour. */
const MAX_WINDOWS = 360;

/** Counts windows in which others were seen, of which at most what was added before is the operation's own, and lets the past fade. */
export function passWindows(baseline: OperationBaseline, n: number): void {
  baseline.windows += n;
  while (baseline.windows >= MAX_WINDOWS) fadeOperation(baseline);
}

/** Lets the past of calls fade whose windows have been counted. */
export function fadeCalls(baseline: EdgeBaseline): void {
  while (baseline.windows >= MAX_WINDOWS) fadeEdge(baseline);
}

function fadeOperation(baseline: OperationBaseline): void {
  baseline.windows /= 2;
  baseline.n /= 2;
  baseline.errors /= 2;
  baseline.entries /= 2;
  baseline.perWindowSum /= 2;
  baseline.perWindowSumSq /= 2;
  baseline.sampledN /= 2;
  baseline.failedHere /= 2;
  baseline.latency.halve();
  baseline.selfTime.halve();
  fadeSpread(baseline.latencySpread);
  fadeSpread(baseline.selfTimeSpread);
  fadeShapes(baseline.shapes);
  fadeDispersion(baseline.errorChi);
}

function fadeEdge(baseline: EdgeBaseline): void {
  baseline.windows /= 2;
  baseline.callerN /= 2;
  baseline.calls /= 2;
  baseline.errors /= 2;
  baseline.gap.halve();
  fadeSpread(baseline.gapSpread);
  fadeDispersion(baseline.callsChi);
}
