import type { AttributeName, Correlation } from '../model/correlation.js';
import type { TraceTerms } from '../model/trace-terms.js';
import { type Feature, featuresOf } from './features.js';
import { benjaminiHochberg, fisherGreater, mantelHaenszelZ, type Stratum } from './fisher.js';
import { tellingRank } from './keys.js';
import { TraceSet } from './trace-set.js';

/** Of what is told, one in a hundred may be chance. */
const MAX_Q = 0.01;
/** Less of a difference would not be seen by somebody who looks at the traces. */
const MIN_EFFECT = 0.2;
/** And it must concern this part of all bad traces, not a corner of them. */
const MIN_PART_OF_BAD = 0.2;
/** Sets of traces that are alike to this degree are one finding with several names. */
const SAME = 0.9;
/** Within the traces of what was found before, a finding must still reach this z (one-sided 1 %) to stand by itself. */
const MIN_OWN_Z = 2.326;
/** Findings by which others may be explained: each doubles the strata. */
const MAX_EXPLAINING = 3;
const MAX_CORRELATIONS = 20;
const MAX_ALIASES = 5;

/** When a value was first seen (epoch ms), and whether that is shortly before the incident or later; null when nothing is known. */
export type FirstSeen = (service: string, key: string, value: string) => { atMs: number; isNew: boolean } | null;

/**
 * Values that more of the bad traces have than of the good ones, those first that stand by themselves: tested one by one (Fisher,
 * one-sided), with the false discovery rate over all of them held at 1 % (Benjamini and Hochberg). `tested` counts them.
 */
export function correlate(
  sample: TraceTerms,
  bad: readonly string[],
  good: readonly string[],
  firstSeen: FirstSeen,
): { correlations: Correlation[]; tested: number } {
  const badRead = bad.filter((traceId) => sample.traces.has(traceId));
  const order = [...badRead, ...good.filter((traceId) => sample.traces.has(traceId))];
  const tested = featuresOf(sample, order).map((feature) => measured(feature, badRead.length));
  const q = benjaminiHochberg(tested.map(({ p }) => p));
  const own = ownEffects(tested);
  const found = tested
    .map((each, i) => ({ ...each, q: q[i]!, ...seen(each.feature, firstSeen) }))
    .filter((each, i) => each.q <= MAX_Q && own[i]! >= MIN_EFFECT && each.badWith >= MIN_PART_OF_BAD * badRead.length)
    .sort(byEffect);
  return { correlations: inOrder(found, badRead.length), tested: tested.length };
}

interface Measured {
  feature: Feature;
  badWith: number;
  badShare: number;
  goodShare: number;
  badN: number;
  goodN: number;
  effect: number;
  oddsRatio: number;
  p: number;
}

interface Found extends Measured {
  q: number;
  firstSeenMs: number | null;
  isNew: boolean;
}

function measured(feature: Feature, bad: number): Measured {
  const { having, domain } = feature;
  const badN = domain.countBelow(bad);
  const goodN = domain.count() - badN;
  const badWith = having.countBelow(bad);
  const goodWith = having.count() - badWith;
  const badShare = badN === 0 ? 0 : badWith / badN;
  const goodShare = goodN === 0 ? 0 : goodWith / goodN;
  return {
    feature,
    badWith,
    badShare,
    goodShare,
    badN,
    goodN,
    effect: badShare - goodShare,
    oddsRatio: ((badWith + 0.5) * (goodN - goodWith + 0.5)) / ((badN - badWith + 0.5) * (goodWith + 0.5)),
    p: goodN === 0 ? 1 : fisherGreater(badWith, badN - badWith, goodWith, goodN - goodWith),
  };
}

/**
 * The effect of each value beyond what the other values of its key gain on average: bad traces that make more calls meet every instance
 * more often, and none of them is to blame for it.
 */
function ownEffects(tested: readonly Measured[]): number[] {
  const keys = new Map<string, { effects: number; weight: number }>();
  const keyOf = ({ feature }: Measured) => JSON.stringify([feature.place, feature.scope, feature.key]);
  const weightOf = ({ feature }: Measured) => feature.having.count();
  for (const each of tested) {
    const sum = keys.get(keyOf(each)) ?? { effects: 0, weight: 0 };
    keys.set(keyOf(each), {
      effects: sum.effects + each.effect * weightOf(each),
      weight: sum.weight + weightOf(each),
    });
  }
  return tested.map((each) => {
    const { effects, weight } = keys.get(keyOf(each))!;
    const others = weight - weightOf(each);
    if (others === 0 || isCut(each)) return each.effect;
    return each.effect - Math.max(0, (effects - each.effect * weightOf(each)) / others);
  });
}

function seen({ scope, place, key, value }: Feature, firstSeen: FirstSeen): Pick<Found, 'firstSeenMs' | 'isNew'> {
  const known = scope === 'resource' ? firstSeen(place.service, key, value) : null;
  return { firstSeenMs: known?.atMs ?? null, isNew: known?.isNew ?? false };
}

/** Largest difference first; then what people know best; then by name, so that the order never depends on that of the traces. */
function byEffect(a: Found, b: Found): number {
  return (
    b.effect - a.effect ||
    a.q - b.q ||
    tellingRank(a.feature.scope, a.feature.key) - tellingRank(b.feature.scope, b.feature.key) ||
    (nameOf(a.feature) < nameOf(b.feature) ? -1 : 1)
  );
}

function nameOf({ scope, place, key, value }: Feature): string {
  return JSON.stringify([key, value, scope, place.service, place.operation]);
}

/** One entry a set of traces; those first that others do not explain, and among these the suspects before the symptoms. */
function inOrder(found: readonly Found[], bad: number): Correlation[] {
  const standing: { lead: Found; aliases: Found[] }[] = [];
  const explained: { lead: Found; aliases: Found[]; by: number }[] = [];
  const rest = [...found.filter(isSuspect), ...found.filter((each) => !isSuspect(each))];
  while (rest.length > 0) {
    const first = rest[0]!;
    const same = rest.filter((each) => isSame(first, each));
    for (const each of same) rest.splice(rest.indexOf(each), 1);
    const [lead, ...aliases] = same.sort(byTelling) as [Found, ...Found[]];
    const suspects = standing.filter((each) => isSuspect(each.lead)).slice(0, MAX_EXPLAINING);
    const by = same.some((each) => each.isNew) ? -1 : explainedBy(lead, suspects, bad);
    if (by === -1) standing.push({ lead, aliases });
    else explained.push({ lead, aliases, by });
  }
  const all = [...standing.map((each) => ({ ...each, by: -1 })), ...explained].slice(0, MAX_CORRELATIONS);
  return all.map(({ lead, aliases, by }) => correlationOf(lead, aliases, by === -1 ? null : by));
}

function isSuspect({ feature }: Found): boolean {
  return !feature.isSymptom;
}

/** Cuts of the same amount are one question, wherever the cut lies. */
function isSame(a: Found, b: Found): boolean {
  if (a === b) return true;
  if (a.feature.isSymptom !== b.feature.isSymptom) return false;
  const isSameAmount = a.feature.place === b.feature.place && a.feature.key === b.feature.key && isCut(a) && isCut(b);
  return isSameAmount || a.feature.having.likeness(b.feature.having) >= SAME;
}

function isCut({ feature }: { feature: Feature }): boolean {
  return /^[≥≤] /.test(feature.value);
}

/** What is new, then what is best known; of cuts of one amount the one that was found first. */
function byTelling(a: Found, b: Found): number {
  return (
    Number(b.isNew) - Number(a.isNew) ||
    tellingRank(a.feature.scope, a.feature.key) - tellingRank(b.feature.scope, b.feature.key) ||
    byEffect(a, b)
  );
}

/** Position of the finding that takes the most away when traces are compared within its strata only; -1 when enough is left. */
function explainedBy({ feature }: Found, standing: readonly { lead: Found }[], bad: number): number {
  if (feature.isSymptom || standing.length === 0) return -1;
  let strata = [feature.domain];
  for (const { lead } of standing) {
    strata = strata.flatMap((set) => [set.and(lead.feature.having), set.without(lead.feature.having)]);
  }
  if (mantelHaenszelZ(strata.map((set) => stratum(feature, set, bad))) >= MIN_OWN_Z) return -1;
  const left = standing.map(({ lead }) =>
    mantelHaenszelZ(
      [feature.domain.and(lead.feature.having), feature.domain.without(lead.feature.having)].map((set) =>
        stratum(feature, set, bad),
      ),
    ),
  );
  return left.indexOf(Math.min(...left));
}

function stratum({ having }: Feature, within: TraceSet, bad: number): Stratum {
  const with_ = having.and(within);
  return {
    badWith: with_.countBelow(bad),
    bad: within.countBelow(bad),
    having: with_.count(),
    all: within.count(),
  };
}

function correlationOf(found: Found, aliases: readonly Found[], explained: number | null): Correlation {
  const { badShare, goodShare, badN, goodN, effect, oddsRatio, q } = found;
  const dated = [found, ...aliases].find((each) => each.isNew) ?? found;
  return {
    ...attributeOf(found.feature),
    badShare,
    goodShare,
    badN,
    goodN,
    effect,
    oddsRatio,
    q,
    isSymptom: found.feature.isSymptom,
    firstSeenMs: dated.firstSeenMs,
    isNew: dated.isNew,
    alsoAs: namesWithout(found.feature, aliases),
    explainedBy: explained,
  };
}

/** One name a key and value: an attribute that every operation repeats is not several. */
function namesWithout(lead: Feature, aliases: readonly Found[]): AttributeName[] {
  const told = new Set([`${lead.key} ${lead.value}`]);
  const names: AttributeName[] = [];
  for (const { feature } of aliases) {
    const name = `${feature.key} ${feature.value}`;
    if (told.has(name) || isCut({ feature })) continue;
    told.add(name);
    names.push(attributeOf(feature));
  }
  return names.slice(0, MAX_ALIASES);
}

function attributeOf({ scope, place, key, value }: Feature): AttributeName {
  return { scope, service: place.service, operation: place.operation, key, value };
}
