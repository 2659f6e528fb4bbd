import type { CallPattern, Finding } from '../model/anomaly.js';
import type { EdgeBaseline, OperationBaseline } from '../model/baseline.js';
import { calleesOf, OTHER_SHAPES } from '../model/shape.js';
import { dispersionOf, MIN_SHARE } from '../model/spread.js';
import { binomialLowerScore, binomialUpperScore, poissonLowerScore, poissonUpperScore } from '../model/tail.js';
import { notYetJudged, type CallSignal, type CallWindow } from './evidence.js';

/** Newest windows in which the caller was at work, taken together. */
const LENGTHS = [2, 3, 6, 12] as const;
const TRIALS = Math.log10(LENGTHS.length);
/** Without the window that deviates most this much must remain. */
const REST_SCORE = 2;
/** -log10: added calls that fail more than this by chance are made because they fail. */
const FAILING_SCORE = 3;

interface Taken {
  windows: readonly CallWindow[];
  callerN: number;
  calls: number;
}

/**
 * Calls one operation makes to another for each of its own spans, in the sampled traces of the newest windows: vanished (down) or
 * multiplied (up, retries and N+1). Down: binomial tail of the spans that call at all where there is at most one call a span on average, else
 * that of Poisson counts; both with the over-dispersion of past windows and the uncertainty of what was learned. The newest window must deviate too, and one window
 * alone is not enough, so that one odd trace does not linger.
 */
export const detectCalls: CallSignal = (callerId, calleeId, windows, baseline, policy, _, caller) => {
  const working = windows.filter((window) => window.callerN > 0);
  const current = windows.at(-1);
  if (current === undefined || current.callerN === 0 || baseline.callerN === 0) return null;
  const expected = baseline.calls / baseline.callerN;
  const rate = (baseline.calls + 0.5) / (baseline.callerN + 1);
  let callsEach = 1;
  const scoreOf = ({ windows: taken, callerN, calls }: Taken, isDrop: boolean): number => {
    if (callerN === 0) return 0;
    const phi = dispersionOf(baseline.callsChi, callerN / taken.length) * (1 + callerN / baseline.callerN);
    if (isDrop && expected <= 1) {
      const calling = baseline.calls / callsEach;
      const share = Math.min(calling / baseline.callerN, 1 - MIN_SHARE, (calling + 0.5) / (baseline.callerN + 1));
      return binomialLowerScore(calls / callsEach / phi, callerN / phi, share);
    }
    const due = (rate * callerN) / phi;
    return isDrop ? poissonLowerScore(calls / phi, due) : poissonUpperScore(calls / phi, due);
  };

  const strongest = (): { taken: Taken; isDrop: boolean; score: number; restScore: number } | null => {
    let best: ReturnType<typeof strongest> = null;
    for (const length of LENGTHS) {
      const taken = sumOf(working.slice(-length));
      const isDrop = taken.calls < expected * taken.callerN;
      const score = scoreOf(taken, isDrop) - TRIALS;
      if (score <= (best?.score ?? 0)) continue;
      const rest = sumOf(withoutStrongest(taken.windows, expected, isDrop));
      best = { taken, isDrop, score, restScore: scoreOf(rest, isDrop) };
    }
    return best;
  };
  let best = strongest();
  if (best !== null && best.isDrop && expected <= 1 && best.score >= policy.windowScore) {
    // Some call twice and some not at all: then one call a span is no rule, and its absence no surprise.
    callsEach = Math.max(1, expected / callingShare(caller, calleeId, expected));
    if (callsEach > 1) best = strongest();
  }
  if (best === null || best.score < policy.windowScore) return null;
  const { taken, isDrop } = best;
  const observed = taken.calls / taken.callerN;
  const deviating = taken.windows.filter((window) => deviates(window, expected, isDrop));
  const finding: Finding = {
    signal: 'calls',
    operationId: calleeId,
    callerId,
    windowAtMs: current.windowAtMs,
    raised: false,
    reason: 'not_significant',
    direction: isDrop ? 'down' : 'up',
    quantile: null,
    observed,
    expected,
    unit: 'calls_per_call',
    n: taken.callerN,
    baselineN: Math.round(baseline.callerN),
    score: best.score,
    sinceMs: deviating[0]?.windowAtMs ?? current.windowAtMs,
    pattern: patternOf(taken, isDrop, baseline),
  };
  const learning = notYetJudged(baseline.windows, baseline.callerN, policy);
  if (learning !== null) return { ...finding, reason: learning };
  if (taken.callerN < policy.calls.minCallerN) return { ...finding, reason: 'low_volume' };
  if (isDrop && expected < policy.calls.minExpectedRatio) return { ...finding, reason: 'small_absolute_effect' };
  const farEnough = isDrop
    ? observed <= expected * (1 - policy.calls.minDrop)
    : observed >= expected * 2 && observed >= expected + policy.calls.minSurge;
  if (!farEnough) return { ...finding, reason: 'small_relative_effect' };
  if (best.restScore < REST_SCORE || !deviates(current, expected, isDrop)) {
    return { ...finding, reason: 'not_persistent' };
  }
  return { ...finding, raised: true, reason: 'raised' };
};

function patternOf({ windows, calls }: Taken, isDrop: boolean, baseline: EdgeBaseline): CallPattern {
  if (isDrop) return 'vanished';
  const errors = windows.reduce((sum, window) => sum + (window.edge?.errors ?? 0), 0);
  const rate = (baseline.errors + 0.5) / (baseline.calls + 1);
  return binomialUpperScore(errors, calls, rate) >= FAILING_SCORE ? 'retried' : 'repeated';
}

/** Share of the caller's spans that called it at all, of what is known of them; `expected` where nothing is. */
function callingShare(caller: OperationBaseline | undefined, calleeId: number, expected: number): number {
  let all = 0;
  let calling = 0;
  for (const [shape, n] of caller?.shapes ?? []) {
    if (shape === OTHER_SHAPES) continue;
    all += n;
    if (calleesOf(shape).includes(calleeId)) calling += n;
  }
  return calling > 0 ? calling / all : expected;
}

function sumOf(windows: readonly CallWindow[]): Taken {
  return {
    windows,
    callerN: windows.reduce((sum, window) => sum + window.callerN, 0),
    calls: windows.reduce((sum, window) => sum + (window.edge?.calls ?? 0), 0),
  };
}

/** A window deviates when it lies on the same side by half the effect asked for. */
function deviates({ callerN, edge }: CallWindow, expected: number, isDrop: boolean): boolean {
  const ratio = (edge?.calls ?? 0) / callerN;
  return isDrop ? ratio <= expected * 0.75 : ratio >= expected * 1.5;
}

function withoutStrongest(windows: readonly CallWindow[], expected: number, isDrop: boolean): CallWindow[] {
  const distance = ({ callerN, edge }: CallWindow): number =>
    (isDrop ? 1 : -1) * (expected * callerN - (edge?.calls ?? 0));
  const strongest = windows.reduce((a, b) => (distance(b) > distance(a) ? b : a));
  return windows.filter((window) => window !== strongest);
}
