import { isAbnormal, nameWith } from './abnormal-trace.js';
import { ochiaiOf } from './ochiai.js';
import { byScore, raise, type Rival, type RivalTrace } from './rival.js';

const DAMPING = 0.85;
const CALL_WEIGHT = 0.01;
const KIND_SHARE = 0.5;
const ITERATIONS = 25;

/**
 * MicroRank: personalised PageRank over operations and traces, once for abnormal and once for normal traces, whose weights then multiply
 * the counts of Ochiai's formula. Services by their best operation.
 */
export const microRank = (sigmas: number): Rival => ({
  name: nameWith('MicroRank', sigmas),
  source: 'Yu et al. (WWW 2021): PageRank (d = 0.85, calls 0.01, preference ½ kind + ½ length, 25 rounds) × Ochiai',
  rank({ traces, past }) {
    const bad = traces.filter((trace) => isAbnormal(trace, past, sigmas));
    const good = traces.filter((trace) => !isAbnormal(trace, past, sigmas));
    if (bad.length === 0) return [];
    const failing = operationWeights(bad, true);
    const passing = operationWeights(good, false);
    const [coveredBad, coveredGood] = [coverage(bad), coverage(good)];
    const scores = new Map<number, number>();
    for (const { operation, service } of bad) {
      operation.forEach((id, i) => {
        const ef = failing.get(id)! * coveredBad.get(id)!;
        const nf = failing.get(id)! * (bad.length - coveredBad.get(id)!);
        const ep = (passing.get(id) ?? 0) * (coveredGood.get(id) ?? 0);
        raise(scores, service[i]!, ochiaiOf(ef, nf, ep));
      });
    }
    return byScore(scores);
  },
});

/** In how many traces each operation occurs. */
function coverage(traces: readonly RivalTrace[]): Map<number, number> {
  const counts = new Map<number, number>();
  for (const trace of traces) for (const id of new Set(trace.operation)) counts.set(id, (counts.get(id) ?? 0) + 1);
  return counts;
}

/**
 * Weight of each operation: its PageRank (highest: 1) times the mean PageRank, as in the authors' code. A trace hands its weight to its operations in equal parts, an operation to its traces and, times
 * CALL_WEIGHT, to those it calls. Preferred are traces of a rare kind (set of operations) and, when `abnormal`, those with few spans.
 */
export function operationWeights(traces: readonly RivalTrace[], abnormal: boolean): Map<number, number> {
  const sets = traces.map((trace) => [...new Set(trace.operation)]);
  const covered = coverage(traces);
  const callees = new Map<number, Set<number>>();
  for (const { operation, parent } of traces) {
    operation.forEach((id, i) => {
      const caller = parent[i] === -1 ? undefined : operation[parent[i]!];
      if (caller === undefined) return;
      const known = callees.get(caller);
      if (known === undefined) callees.set(caller, new Set([id]));
      else known.add(id);
    });
  }
  const preference = preferences(traces, sets, abnormal);
  const start = 1 / (covered.size + traces.length);
  let ofOperation = new Map([...covered.keys()].map((id) => [id, start]));
  let ofTrace = traces.map(() => start);
  for (let round = 0; round < ITERATIONS; round += 1) {
    const next = new Map([...covered.keys()].map((id) => [id, 0]));
    sets.forEach((set, t) => {
      for (const id of set) next.set(id, next.get(id)! + ofTrace[t]! / set.length);
    });
    for (const [caller, set] of callees) {
      for (const id of set) next.set(id, next.get(id)! + (CALL_WEIGHT * ofOperation.get(caller)!) / set.size);
    }
    for (const [id, weight] of next) next.set(id, DAMPING * weight);
    ofTrace = sets.map((set, t) => {
      const received = set.reduce((sum, id) => sum + ofOperation.get(id)! / covered.get(id)!, 0);
      return DAMPING * received + (1 - DAMPING) * preference[t]!;
    });
    const [most, mostOfTraces] = [Math.max(...next.values()), ofTrace.reduce((a, b) => Math.max(a, b), 0)];
    ofOperation = new Map([...next].map(([id, weight]) => [id, weight / most]));
    ofTrace = ofTrace.map((weight) => weight / mostOfTraces);
  }
  const mean = [...ofOperation.values()].reduce((a, b) => a + b, 0) / ofOperation.size;
  return new Map([...ofOperation].map(([id, weight]) => [id, weight * mean]));
}

function preferences(traces: readonly RivalTrace[], sets: readonly number[][], abnormal: boolean): number[] {
  const keys = sets.map((set) => set.toSorted((a, b) => a - b).join());
  const kinds = new Map<string, number>();
  for (const key of keys) kinds.set(key, (kinds.get(key) ?? 0) + 1);
  const rare = normalised(keys.map((key) => 1 / kinds.get(key)!));
  if (!abnormal) return rare;
  const short = normalised(traces.map((trace) => 1 / trace.operation.length));
  return rare.map((part, t) => KIND_SHARE * part + (1 - KIND_SHARE) * short[t]!);
}

function normalised(values: readonly number[]): number[] {
  const sum = values.reduce((a, b) => a + b, 0);
  return values.map((value) => value / sum);
}
