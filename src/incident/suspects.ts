import type { AnomalyGroup } from '../model/group.js';
import type { Incident, Suspect } from '../model/incident.js';
import { FAINT_SCORE, MAX_LISTED, NEWEST_WEIGHT, PLAIN_SCORE } from './weights.js';

/** Mean probability from which a service that nobody was told of is told of: more likely than not, which takes two windows at least. */
const LIKELY_SCORE = 0.5;

type Blamed = Pick<Suspect, 'service' | 'score' | 'behind'>;

/** Who is at fault for a group: services by their own findings, and whoever plainly is. */
export function blamedBy({ roots = [], causes: [first] }: AnomalyGroup): Blamed[] {
  const isPlain = first !== undefined && first.score >= PLAIN_SCORE;
  if (!isPlain || roots.some(({ service }) => service === first.service)) return [...roots];
  return [...roots, { service: first.service, score: first.score, behind: [] }];
}

/** Whom the message that opens an incident names. */
export function suspectsOf(group: AnomalyGroup): Suspect[] {
  const named = blamedBy(group);
  const [first] = group.causes;
  if (first !== undefined && named.every(({ service }) => service !== first.service)) {
    named.push({ service: first.service, score: first.score, behind: [] });
  }
  return named.map(({ service, score, behind }) => ({ service, score, behind, isTold: true, isNew: true }));
}

/**
 * Who is to be told of: a service that is at fault, was not told of, and did not suffer before it was suspected: what deviates from the beginning may be an
 * echo. That does not matter once nobody who was told of is likely to be at fault any more. Nor is it news when others call the same thing that makes no spans.
 */
export function newsOf(now: readonly Suspect[], toldElsewhere: ReadonlySet<string>): Suspect[] {
  const told = now.filter(({ isTold }) => isTold);
  const isRefuted = told.every(({ score }) => score < LIKELY_SCORE);
  const behind = new Set(told.flatMap((suspect) => suspect.behind));
  return now.filter(
    (suspect) =>
      !suspect.isTold &&
      suspect.score >= LIKELY_SCORE &&
      (suspect.isNew || isRefuted) &&
      !toldElsewhere.has(suspect.service) &&
      !suspect.behind.some((name) => behind.has(name)),
  );
}

/** An incident of before this was kept told of its first cause. */
function suspectsBefore({ suspects = [], causes: [first] }: Incident): readonly Suspect[] {
  if (suspects.length > 0 || first === undefined) return suspects;
  return [{ service: first.service, score: first.score, isTold: true, isNew: true, behind: [] }];
}

/** As with causes: the newest window weighs NEWEST_WEIGHT. */
export function mergeSuspects(before: Incident, groups: readonly AnomalyGroup[]): Suspect[] {
  const { affected } = before;
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
        isNew: earlier?.isNew ?? !affected.some((each) => each.service === service),
        behind: now.get(service)?.behind ?? earlier?.behind ?? [],
      };
    })
    .filter(({ score, isTold }) => isTold || score >= FAINT_SCORE)
    .sort((a, b) => b.score - a.score || (a.service < b.service ? -1 : 1))
    .slice(0, MAX_LISTED);
}
