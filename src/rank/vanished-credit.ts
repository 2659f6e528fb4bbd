import { edgeKey } from '../model/baseline.js';
import { calleesOf, OTHER_SHAPES } from '../model/shape.js';
import { KIND_CLIENT, KIND_PRODUCER } from '../model/span.js';
import { dispersionOf } from '../model/spread.js';
import { named } from './callee.js';
import type { Credit, CreditSource, Trial } from './credit.js';
import { amountsOf, isPassedDown, PASSED_ON } from './pass-on.js';
import { type Part, surpriseOfShare } from './surprise.js';

/** Spans that stop short must be at least twice as many as ever: the mix of requests alone shifts less. */
const MIN_RELATIVE = 2;
/** What this part of the past spans did is one of the usual ways, and more of it is another mix of requests. */
const USUAL_SHARE = 0.2;

/**
 * Spans that stopped short of calls they usually make: what they called is a part of what such spans call, and is far more frequent than
 * it was; or, where a finding says that a call is missed which many such spans never made, that there are more of these. A client span without its server, or a message that
 * nobody takes up, is the callee's silence, so the callee has the credit; else it is the caller that broke off. Of an operation the most surprising counts.
 */
export const vanishedCredits: CreditSource = (trial) => {
  const { seen, baselines, candidates, operations } = trial;
  const missed = missedCalls(trial);
  const credits: Credit[] = [];
  for (const operationId of candidates) {
    const windows = seen.shapes.get(operationId);
    const past = baselines.operations.get(operationId)?.shapes;
    const caller = operations.get(operationId);
    if (windows === undefined || past === undefined || caller === undefined) continue;
    const sizes = windows.map(sumOf);
    const n = sizes.reduce((a, b) => a + b, 0);
    const pastN = sumOf(past);
    if (pastN === 0) continue;
    const known = new Set([...past.keys()].flatMap(calleesOf));
    let best: Credit | null = null;
    const consider = (parts: readonly Part[], p: number, missing: readonly number[], kept = 1): void => {
      const k = parts.reduce((sum, part) => sum + part.k, 0);
      const surprise = surpriseOfShare(parts, p, dispersionAt(trial, operationId, missing, n / windows.length));
      if (k <= n * p || surprise <= (best?.surprise ?? 0)) return;
      const silent = missing.find((id) => operations.get(id)?.serviceId !== caller.serviceId);
      const isSilence = silent !== undefined && (caller.kind === KIND_CLIENT || caller.kind === KIND_PRODUCER);
      const of = named(trial, silent ?? missing[0]!);
      best = {
        operationId: isSilence ? silent : operationId,
        originId: operationId,
        dimension: 'vanished',
        amount: kept * (k - n * p),
        surprise,
        evidence: { kind: 'vanished_calls', observed: k / n, expected: p, unit: 'ratio', n, ...of },
      };
    };
    for (const shape of new Set(windows.flatMap((shapes) => [...shapes.keys()]))) {
      if (shape === OTHER_SHAPES) continue;
      const parts = windows.map((shapes, i) => ({ k: shapes.get(shape) ?? 0, n: sizes[i]! }));
      const k = parts.reduce((sum, part) => sum + part.k, 0);
      const missing = missingFrom(shape, past, known);
      if (missing.length === 0) continue;
      const p = ((past.get(shape) ?? 0) + 0.5) / (pastN + 1);
      if (p < USUAL_SHARE && k >= MIN_RELATIVE * n * p) consider(parts, p, missing);
    }
    for (const { calleeId, kept } of missed.get(operationId) ?? []) {
      const p = (without(calleeId, past) + 0.5) / (pastN + 1);
      const parts = windows.map((shapes, i) => ({ k: without(calleeId, shapes), n: sizes[i]! }));
      if (p >= USUAL_SHARE && p < 1) consider(parts, p, [calleeId], kept);
    }
    if (best !== null) credits.push(best);
  }
  return credits;
};

/** By caller: the calls that findings say are missed, with a fifth of the credit where it is called less, or sent less, itself. */
function missedCalls({ findings, graph }: Trial): Map<number, { calleeId: number; kept: number }[]> {
  const missed = new Map<number, { calleeId: number; kept: number }[]>();
  const amounts = amountsOf(findings);
  for (const { signal, direction, callerId, operationId: calleeId } of amounts) {
    if (signal !== 'calls' || direction !== 'down' || callerId === 0) continue;
    const kept = isPassedDown({ operationId: callerId, direction }, amounts, graph) ? PASSED_ON : 1;
    missed.set(callerId, [...(missed.get(callerId) ?? []), { calleeId, kept }]);
  }
  return missed;
}

/** Spans that did not call it, as far as it is known what they called. */
function without(calleeId: number, shapes: ReadonlyMap<string, number>): number {
  let sum = 0;
  for (const [shape, n] of shapes) if (shape !== OTHER_SHAPES && !calleesOf(shape).includes(calleeId)) sum += n;
  return sum;
}

/** What the most frequent shape that holds all of this one's known callees has more than this one; empty when nothing was left out. */
function missingFrom(shape: string, past: ReadonlyMap<string, number>, known: ReadonlySet<number>): number[] {
  const called = new Set(calleesOf(shape));
  const ofOld = [...called].filter((id) => known.has(id));
  let missing: number[] = [];
  let most = 0;
  for (const [usual, n] of past) {
    if (n <= most) continue;
    const callees = calleesOf(usual);
    const isPart = ofOld.every((id) => callees.includes(id));
    const left = callees.filter((id) => !called.has(id));
    if (!isPart || left.length === 0) continue;
    missing = left;
    most = n;
  }
  return missing;
}

function dispersionAt({ baselines }: Trial, callerId: number, callees: readonly number[], perWindow: number): number {
  return callees.reduce((most, calleeId) => {
    const chi = baselines.edges.get(edgeKey(callerId, calleeId))?.callsChi;
    return chi === undefined ? most : Math.max(most, dispersionOf(chi, perWindow));
  }, 1);
}

function sumOf(shapes: ReadonlyMap<string, number>): number {
  let sum = 0;
  for (const n of shapes.values()) sum += n;
  return sum;
}
