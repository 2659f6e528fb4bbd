import type { Credit, CreditSource } from './credit.js';
import { certainty } from './surprise.js';
import { excess, type Excess } from './time-credit.js';

/** Services that may share the blame for links; what is left over then falls on the callees. */
const MAX_SLOW_SERVICES = 20;
/** A caller must explain this much more than a callee: one slow answer says more about who gives it. */
const CALLER_MARGIN = 1.25;

interface Link {
  callerId: number;
  calleeId: number;
  caller: number;
  callee: number;
  n: number;
  found: Excess | null;
}

/**
 * Time between two services beyond normal. It could be either end's network (or either end's starved processor): the service
 * that explains most of it is blamed first, then of the rest the next. A service explains on each of its links at most the (lower)
 * median delay over all services that it talks to: so a host whose every connection is slow is to blame itself, and a callee that
 * answers others as ever is not. Links outside the candidates count too.
 */
export const gapCredits: CreditSource = ({ seen, baselines, candidates, operations, tried }) => {
  const links: Link[] = [];
  for (const [key, observed] of seen.gap) {
    const [callerId, calleeId] = key.split('>').map(Number) as [number, number];
    const baseline = baselines.edges.get(key);
    const caller = operations.get(callerId)?.serviceId;
    const callee = operations.get(calleeId)?.serviceId;
    if (baseline === undefined || caller === undefined || callee === undefined) continue;
    if (baseline.gap.count === 0 || caller === callee) continue;
    const found = excess(observed, baseline.gap, baseline.gapSpread);
    links.push({
      callerId,
      calleeId,
      caller,
      callee,
      n: observed.reduce((sum, window) => sum + window.count, 0),
      found,
    });
  }
  const blamed = blamedParts(links, tried);
  return links.flatMap(({ callerId, calleeId, caller, callee, found }): Credit[] => {
    if (found === null || !candidates.has(callerId)) return [];
    const callerShare = blamed.get(pairKey(caller, callee))?.callerShare ?? 0;
    return [
      { operationId: callerId, share: callerShare },
      { operationId: calleeId, share: 1 - callerShare },
    ]
      .filter(({ share }) => share > 0)
      .map(({ operationId, share }) => ({
        operationId,
        originId: callerId,
        dimension: 'time' as const,
        amount: found.amountUs * share,
        observedUs: found.observedUs * found.n,
        surprise: found.surprise,
        evidence: {
          kind: 'network_gap' as const,
          observed: found.observedUs,
          expected: found.expectedUs,
          unit: 'us' as const,
          n: found.n,
        },
      }));
  });
};

/** All links from one service to another. */
interface Pair {
  caller: number;
  callee: number;
  n: number;
  /** Mean excess not yet explained (µs). */
  leftUs: number;
  /** How far the excess can be believed. */
  certainty: number;
  byCallerUs: number;
  byCalleeUs: number;
  callerShare: number;
}

function blamedParts(links: readonly Link[], tried: number): Map<string, Pair> {
  const pairs = new Map<string, Pair>();
  for (const { caller, callee, n, found } of links) {
    const key = pairKey(caller, callee);
    let pair = pairs.get(key);
    if (pair === undefined) {
      pairs.set(
        key,
        (pair = { caller, callee, n: 0, leftUs: 0, certainty: 0, byCallerUs: 0, byCalleeUs: 0, callerShare: 0 }),
      );
    }
    pair.leftUs = (pair.leftUs * pair.n + (found?.amountUs ?? 0)) / (pair.n + n);
    pair.certainty = Math.max(pair.certainty, certainty(found?.surprise ?? 0, tried));
    pair.n += n;
  }
  const ofService = new Map<number, Pair[]>();
  for (const pair of pairs.values()) {
    for (const service of [pair.caller, pair.callee]) {
      const its = ofService.get(service);
      if (its === undefined) ofService.set(service, [pair]);
      else its.push(pair);
    }
  }
  for (let round = 0; round < MAX_SLOW_SERVICES; round++) {
    const slowest = slowestService(ofService);
    if (slowest === null) break;
    for (const pair of ofService.get(slowest.service)!) {
      const explainedUs = Math.min(pair.leftUs, slowest.delayUs);
      pair.leftUs -= explainedUs;
      if (pair.caller === slowest.service) pair.byCallerUs += explainedUs;
      else pair.byCalleeUs += explainedUs;
    }
  }
  for (const pair of pairs.values()) {
    // What nobody's other links explain is between these two, and falls on the callee.
    const all = pair.byCallerUs + pair.byCalleeUs + pair.leftUs;
    pair.callerShare = all > 0 ? pair.byCallerUs / all : 0;
  }
  return pairs;
}

function slowestService(ofService: ReadonlyMap<number, readonly Pair[]>): { service: number; delayUs: number } | null {
  let best: { service: number; delayUs: number; explained: number } | null = null;
  for (const [service, pairs] of ofService) {
    const sorted = pairs.map((pair) => pair.leftUs).sort((a, b) => a - b);
    const delayUs = sorted[(sorted.length - 1) >> 1]!;
    if (delayUs <= 0) continue;
    let explained = 0;
    for (const pair of pairs) {
      const amount = pair.certainty * pair.n * Math.min(pair.leftUs, delayUs);
      explained += pair.callee === service ? amount : amount / CALLER_MARGIN;
    }
    if (best === null || explained > best.explained) best = { service, delayUs, explained };
  }
  return best;
}

function pairKey(caller: number, callee: number): string {
  return `${caller}>${callee}`;
}
