import { edgeKey } from '../model/baseline.js';
import { calleesOf, OTHER_SHAPES } from '../model/shape.js';
import { KIND_CLIENT, KIND_PRODUCER } from '../model/span.js';
import { dispersionOf } from '../model/spread.js';
import { named } from './callee.js';
import type { Credit, CreditSource, Trial } from './credit.js';
import { surpriseOfShare } from './surprise.js';

/** Spans that stop short must be at least twice as many as ever: the mix of requests alone shifts less. */
const MIN_RELATIVE = 2;
/** What this part of the past spans did is one of the usual ways, and more of it is another mix of requests. */
const USUAL_SHARE = 0.2;

/**
 * Spans that stopped short of calls they usually make: what they called is a part of what such spans call, and is far more frequent than
 * it was. A client span without its server, or a message that nobody takes up, is the callee's silence, so the callee has the credit; else it is the caller that broke off.
 */
export const vanishedCredits: CreditSource = (trial) => {
  const { seen, baselines, candidates, operations } = trial;
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
    for (const shape of new Set(windows.flatMap((shapes) => [...shapes.keys()]))) {
      if (shape === OTHER_SHAPES) continue;
      const parts = windows.map((shapes, i) => ({ k: shapes.get(shape) ?? 0, n: sizes[i]! }));
      const k = parts.reduce((sum, part) => sum + part.k, 0);
      const missing = missingFrom(shape, past, known);
      if (missing.length === 0) continue;
      const p = ((past.get(shape) ?? 0) + 0.5) / (pastN + 1);
      if (p >= USUAL_SHARE || k < MIN_RELATIVE * n * p) continue;
      const surprise = surpriseOfShare(parts, p, dispersionAt(trial, operationId, missing, n / windows.length));
      const silent = missing.find((id) => operations.get(id)?.serviceId !== caller.serviceId);
      const credit: Credit = {
        operationId:
          silent !== undefined && (caller.kind === KIND_CLIENT || caller.kind === KIND_PRODUCER) ? silent : operationId,
        originId: operationId,
        dimension: 'vanished',
        amount: k - n * p,
        surprise,
        evidence: {
          kind: 'vanished_calls',
          observed: k / n,
          expected: p,
          unit: 'ratio',
          n,
          ...named(trial, silent ?? missing[0]!),
        },
      };
      if (best === null || credit.surprise > best.surprise) best = credit;
    }
    if (best !== null) credits.push(best);
  }
  return credits;
};

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
