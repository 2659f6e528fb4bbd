import type { AnomalyGroup, Way } from '../model/group.js';
import type { Incident, Suspect, SuspectedWay } from '../model/incident.js';
import { FAINT_SCORE, MAX_LISTED, NEWEST_WEIGHT, PLAIN_SCORE, SETTLED_AFTER_MS } from './weights.js';

/** Mean probability from which a service that nobody was told of is told of: more likely than not, which takes two windows at least. */
const LIKELY_SCORE = 0.5;

type Blamed = Pick<Suspect, 'service' | 'score' | 'behind'> & { ways?: Way[] };

/** What somebody is to be told of a service. */
export interface News {
  service: string;
  what: string;
}

const IN_THAT_WAY: Record<Way, string> = {
  slow: 'is slow as well',
  failing: 'fails as well',
  traffic: 'has another load as well',
};

/** Who is at fault for a group: services by their own findings, and whoever plainly is. */
export function blamedBy({ roots = [], causes: [first] }: AnomalyGroup): Blamed[] {
  const isPlain = first !== undefined && first.score >= PLAIN_SCORE;
  if (!isPlain || roots.some(({ service }) => service === first.service)) return [...roots];
  return [...roots, { service: first.service, score: first.score, behind: [] }];
}

/** Whom the message that opens an incident names. */
export function suspectsOf(group: AnomalyGroup, nowMs: number): Suspect[] {
  const named = blamedBy(group);
  const [first] = group.causes;
  if (first !== undefined && named.every(({ service }) => service !== first.service)) {
    named.push({ service: first.service, score: first.score, behind: [] });
  }
  return named.map(({ service, score, behind, ways = [] }) => ({
    service,
    score,
    behind,
    isTold: true,
    toldMs: nowMs,
    isNew: true,
    ways: ways.map((way) => ({ way, score, isTold: true })),
  }));
}

/** The same once somebody is told of it, and of all that is known of it. */
export function asTold(suspect: Suspect, nowMs: number): Suspect {
  const ways = (suspect.ways ?? []).map((way) => ({ ...way, isTold: true }));
  return { ...suspect, isTold: true, toldMs: nowMs, ways };
}

/** As with the suspects themselves. What shows first, and within a minute of it (`isYoung`), is the fault that was told of. */
function mergeWays(earlier: Suspect | undefined, now: Blamed | undefined, isYoung: boolean): SuspectedWay[] {
  const known = new Map((earlier?.ways ?? []).map((each) => [each.way, each]));
  const isUnfolding = isYoung || known.size === 0;
  const seen = new Set(now?.ways ?? []);
  return [...new Set([...known.keys(), ...seen])].map((way) => {
    const before = known.get(way);
    const score = (before?.score ?? 0) * (1 - NEWEST_WEIGHT) + (seen.has(way) ? now!.score : 0) * NEWEST_WEIGHT;
    return { way, score, isTold: isUnfolding || (before?.isTold ?? false) };
  });
}

/**
 * Who is to be told of: a service that is at fault, was not told of, and did not suffer from the beginning: that may be an echo. It does not matter once
 * nobody who was told of is likely to be at fault any more. Nor is it news when others call the same thing that makes no spans. And
 * a service that was told of and came to be at fault in another way.
 */
export function newsOf(now: readonly Suspect[], toldElsewhere: ReadonlySet<string>): News[] {
  const told = now.filter(({ isTold }) => isTold);
  const isRefuted = told.every(({ score }) => score < FAINT_SCORE);
  const behind = new Set(told.flatMap((suspect) => suspect.behind));
  return now.flatMap(({ service, score, isTold, isNew, behind: itsBehind, ways = [] }): News[] => {
    if (isTold) {
      const another = ways.find((each) => !each.isTold && each.score >= LIKELY_SCORE);
      return another === undefined ? [] : [{ service, what: IN_THAT_WAY[another.way] }];
    }
    const isNews =
      score >= LIKELY_SCORE &&
      (isNew || isRefuted) &&
      !toldElsewhere.has(service) &&
      !itsBehind.some((name) => behind.has(name));
    return isNews ? [{ service, what: 'is at fault too, or instead' }] : [];
  });
}

/** An incident of before this was kept told of its first cause. */
function suspectsBefore({ suspects = [], causes: [first] }: Incident): readonly Suspect[] {
  if (suspects.length > 0 || first === undefined) return suspects;
  return [{ service: first.service, score: first.score, isTold: true, isNew: true, behind: [] }];
}

/** As with causes: the newest window weighs NEWEST_WEIGHT. */
export function mergeSuspects(before: Incident, groups: readonly AnomalyGroup[], nowMs: number): Suspect[] {
  const { affected } = before;
  const settledMs = before.openedMs + SETTLED_AFTER_MS;
  const suspects = suspectsBefore(before);
  const now = new Map<string, Blamed>();
  for (const blamed of groups.flatMap(blamedBy)) {
    if (blamed.score > (now.get(blamed.service)?.score ?? 0)) now.set(blamed.service, blamed);
  }
  const known = new Map(suspects.map((suspect) => [suspect.service, suspect]));
  return [...new Set([...known.keys(), ...now.keys()])]
    .map((service): Suspect => {
      const earlier = known.get(service);
      const mean = (earlier?.score ?? 0) * (1 - NEWEST_WEIGHT) + (now.get(service)?.score ?? 0) * NEWEST_WEIGHT;
      return {
        service,
        score: mean,
        isTold: earlier?.isTold ?? false,
        ...(earlier?.toldMs === undefined ? {} : { toldMs: earlier.toldMs }),
        isNew: earlier?.isNew ?? !affected.some((each) => each.service === service && each.sinceMs < settledMs),
        behind: now.get(service)?.behind ?? earlier?.behind ?? [],
        ways: mergeWays(earlier, now.get(service), nowMs - (earlier?.toldMs ?? before.openedMs) < SETTLED_AFTER_MS),
      };
    })
    .filter(({ score, isTold }) => isTold || score >= FAINT_SCORE)
    .sort((a, b) => b.score - a.score || (a.service < b.service ? -1 : 1))
    .slice(0, MAX_LISTED);
}
