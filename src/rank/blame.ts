import type { Finding } from '../model/anomaly.js';
import type { Baselines } from '../model/baseline.js';
import type { Cause, Evidence } from '../model/cause.js';
import type { Operation } from '../model/operation.js';
import type { WindowMeasure } from '../model/rollup.js';
import { counterfactuals } from './counterfactual.js';
import type { Credit, CreditSource, Dimension, SharedCredit, Trial } from './credit.js';
import { exemplarsOf } from './describe.js';
import { eventCredits } from './event-credit.js';
import { explain } from './explain.js';
import { failingCredits } from './failing-credit.js';
import { gapCredits } from './gap-credit.js';
import type { CallGraph } from './graph.js';
import { instanceShares } from './instances.js';
import { observe } from './observe.js';
import { passOn } from './pass-on.js';
import { repeatedCredits } from './repeated-credit.js';
import { creditRetries } from './retries.js';
import { certainty } from './surprise.js';
import { meanOf, selfTimeCredits } from './time-credit.js';
import { trafficCredits } from './traffic-credit.js';
import { vanishedCredits } from './vanished-credit.js';

const SOURCES: readonly CreditSource[] = [
  selfTimeCredits,
  gapCredits,
  repeatedCredits,
  failingCredits,
  vanishedCredits,
  eventCredits,
  trafficCredits,
];
/** What explains less than a thousandth is not worth a line. */
const MIN_SHARE = 0.001;
/** Weight of a dimension that none of the findings complains of. */
const UNCOMPLAINED = 0.25;

/** Causes with their shares of the trouble as scores, and the -log10 of chance of the strongest evidence against each service. */
export interface Suspects {
  causes: Cause[];
  surprise: Map<string, number>;
}

/**
 * Which of the candidates are to blame for what these windows show, best first: each is credited with its part of the added time, of the
 * failures and of the spans that stopped short, as far as chance does not explain it. Scores are the weighted means of these shares, not yet probabilities.
 * `findings` are what detection complains of; none when windows are given.
 */
export function suspect(
  candidates: ReadonlySet<number>,
  graph: CallGraph,
  windows: readonly WindowMeasure[],
  baselines: Baselines,
  operations: ReadonlyMap<number, Operation>,
  findings: readonly Finding[],
): Suspects {
  const seen = observe(windows);
  const tried = baselines.operations.size + baselines.edges.size;
  const trial: Trial = { windows, seen, baselines, candidates, operations, graph, findings, tried };
  const raw = creditRetries(
    trial,
    SOURCES.flatMap((source) => source(trial)),
  );
  const believed = raw
    .map((credit) => ({ ...credit, amount: credit.amount * certainty(credit.surprise, tried) }))
    .filter((credit) => credit.amount > 0);
  const passed = passOn(believed, trial);
  const totals = new Map<Dimension, number>();
  for (const credit of passed) totals.set(credit.dimension, (totals.get(credit.dimension) ?? 0) + credit.amount);
  const credits = passed
    .map((credit) => ({ ...credit, share: credit.amount / totals.get(credit.dimension)! }))
    .filter(({ share }) => share >= MIN_SHARE);
  const weights = weightsOf(totals, trial);

  const causes = new Map<number, Cause>();
  for (const credit of credits) {
    const operation = operations.get(credit.operationId);
    if (operation === undefined) continue;
    const { share } = credit;
    let cause = causes.get(operation.id);
    if (cause === undefined) {
      cause = {
        operationId: operation.id,
        service: operation.service,
        operation: operation.name,
        score: 0,
        evidence: [],
        exemplars: exemplarsOf([operation.id], windows),
      };
      causes.set(operation.id, cause);
    }
    cause.score += share * (weights.get(credit.dimension) ?? 0);
    const evidence: Evidence = { ...credit.evidence, share, text: '' };
    cause.evidence.push({ ...evidence, text: explain(evidence) });
  }
  for (const cause of causes.values()) cause.evidence.sort((a, b) => b.share - a.share);
  return {
    causes: explained([...causes.values()], trial, raw, credits),
    surprise: surpriseOfServices(credits, operations),
  };
}

/** The strongest evidence against each service. */
function surpriseOfServices(
  credits: readonly Credit[],
  operations: ReadonlyMap<number, Operation>,
): Map<string, number> {
  const most = new Map<string, number>();
  for (const { operationId, surprise } of credits) {
    const service = operations.get(operationId)?.service;
    if (service !== undefined) most.set(service, Math.max(most.get(service) ?? 0, surprise));
  }
  return most;
}

/** Adds to the first cause of each service what is said of the whole service. */
function explained(
  causes: readonly Cause[],
  trial: Trial,
  raw: readonly Credit[],
  credits: readonly SharedCredit[],
): Cause[] {
  const instances = instanceShares(trial, credits);
  const without = counterfactuals(trial, raw);
  const told = new Set<number>();
  return causes
    .toSorted((a, b) => b.score - a.score || a.operationId - b.operationId)
    .map((cause) => {
      const serviceId = trial.operations.get(cause.operationId)!.serviceId;
      if (told.has(serviceId)) return cause;
      told.add(serviceId);
      return {
        ...cause,
        instances: instances.get(serviceId) ?? [],
        counterfactuals: without.get(serviceId) ?? [],
      };
    });
}

/**
 * How much each dimension counts: the harm to a request, in one currency. Of time the part of it that is added, of failures and of spans
 * that stop short how many there are a request. What no finding complains of counts less.
 */
function weightsOf(
  totals: ReadonlyMap<Dimension, number>,
  { seen, baselines, findings }: Trial,
): Map<Dimension, number> {
  const complaints = new Set(findings.map(dimensionOf));
  let normalUs = 0;
  for (const [operationId, baseline] of baselines.operations) {
    if (baseline.entries > baseline.n / 2) normalUs += (seen.sampledN.get(operationId) ?? 0) * meanOf(baseline.latency);
  }
  const traces = Math.max(1, seen.traces);
  const weights = new Map<Dimension, number>();
  for (const [dimension, total] of totals) {
    const harm = dimension === 'time' ? total / (total + normalUs) : total / traces;
    weights.set(dimension, complaints.size === 0 || complaints.has(dimension) ? harm : harm * UNCOMPLAINED);
  }
  const sum = [...weights.values()].reduce((a, b) => a + b, 0);
  for (const [dimension, weight] of weights) weights.set(dimension, sum > 0 ? weight / sum : 0);
  return weights;
}

function dimensionOf(finding: Finding): Dimension {
  if (finding.signal === 'latency' || finding.signal === 'self_time' || finding.signal === 'gap') return 'time';
  if (finding.signal === 'errors') return 'failures';
  if (finding.signal === 'events' || finding.signal === 'traffic') return finding.signal;
  // Calls made too often cost time, calls not made are missed.
  if (finding.direction === 'up') return 'time';
  return 'vanished';
}
