import type { BadKind, GoodFrom } from '../model/correlation.js';
import { POSTED_ERROR, type Posting } from '../model/posting.js';
import { byTraceHash } from '../model/trace-order.js';

/** Traces read on each side at most: a share of 200 is known to within 7 points, and reading them takes a few hundred milliseconds. */
export const TRACES_A_SIDE = 200;
/** Fewer than this on a side, and no difference could be told from chance after all corrections. */
export const MIN_TRACES_A_SIDE = 8;
/** Good traces of the same time are enough from here on … */
const ENOUGH_GOOD = 30;
/** … unless they are the rare exception: then they may differ in more than the fault, and the time before says what is usual. */
const ENOUGH_GOOD_SHARE = 0.2;
/** Values before and now must lie apart by this part of the traces, or no threshold tells bad from good. */
const MIN_APART = 0.03;

/** Bad and good traces, each a fair sample in an order that does not depend on arrival. */
export interface Split {
  bad: string[];
  good: string[];
  goodFrom: GoodFrom;
}

/**
 * One number a trace: the longest duration (µs) of the operation in it, whether the operation failed in it (1 or 0), or how many calls it
 * made per span. Copies of a span count once.
 */
export function valuesOf(
  bad: BadKind,
  postings: readonly Posting[],
  calleePostings: readonly Posting[],
): Map<string, number> {
  const values = new Map<string, number>();
  if (bad === 'lacking_call' || bad === 'repeating_call') {
    const calls = spansByTrace(calleePostings);
    for (const [traceId, n] of spansByTrace(postings)) values.set(traceId, (calls.get(traceId) ?? 0) / n);
    return values;
  }
  for (const posting of postings) {
    for (let i = 0; i < posting.n; i++) {
      const value = bad === 'failed' ? posting.flags[i]! & POSTED_ERROR : posting.durationUs[i]!;
      const traceId = posting.traceId(i);
      values.set(traceId, Math.max(values.get(traceId) ?? 0, value));
    }
  }
  return values;
}

function spansByTrace(postings: readonly Posting[]): Map<string, number> {
  const spans = new Map<string, Set<number>>();
  for (const posting of postings) {
    for (let i = 0; i < posting.n; i++) {
      const traceId = posting.traceId(i);
      let tags = spans.get(traceId);
      if (tags === undefined) spans.set(traceId, (tags = new Set()));
      tags.add(posting.spanTag[i]!);
    }
  }
  return new Map([...spans].map(([traceId, tags]) => [traceId, tags.size]));
}

/**
 * Parts the traces of the incident's time into bad and good ones by their values, with good ones from before where too few are left. The
 * threshold of durations and calls is where the values of now and before lie furthest apart (Youden 1950). A reason when it cannot be done.
 */
export function splitTraces(
  bad: BadKind,
  during: ReadonlyMap<string, number>,
  before: ReadonlyMap<string, number>,
): Split | string {
  const isBad = criterion(bad, during, before);
  if (typeof isBad === 'string') return isBad;
  const badNow = [...during].filter(([, value]) => isBad(value)).map(([traceId]) => traceId);
  const goodNow = bad === 'now' ? [] : [...during].filter(([, value]) => !isBad(value)).map(([traceId]) => traceId);
  const goodBefore = [...before]
    .filter(([traceId, value]) => !during.has(traceId) && (bad === 'now' || !isBad(value)))
    .map(([traceId]) => traceId);
  const isEnough = goodNow.length >= ENOUGH_GOOD && goodNow.length >= during.size * ENOUGH_GOOD_SHARE;
  const good = pick(goodNow);
  const filled = isEnough ? [] : goodBefore.sort(byTraceHash).slice(0, TRACES_A_SIDE - good.length);
  const chosen = [...good, ...filled];
  if (badNow.length < MIN_TRACES_A_SIDE) return `only ${badNow.length} bad traces`;
  if (chosen.length < MIN_TRACES_A_SIDE) return `only ${chosen.length} good traces`;
  const goodFrom = filled.length === 0 ? 'during' : good.length === 0 ? 'before' : 'during_and_before';
  return { bad: pick(badNow), good: chosen, goodFrom };
}

/** Bad and good in turn, so that a bound on reading costs both sides alike. */
export function interleaved({ bad, good }: Pick<Split, 'bad' | 'good'>): string[] {
  const all: string[] = [];
  for (let i = 0; i < Math.max(bad.length, good.length); i++) {
    if (i < bad.length) all.push(bad[i]!);
    if (i < good.length) all.push(good[i]!);
  }
  return all;
}

function pick(traceIds: string[]): string[] {
  return traceIds.sort(byTraceHash).slice(0, TRACES_A_SIDE);
}

function criterion(
  bad: BadKind,
  during: ReadonlyMap<string, number>,
  before: ReadonlyMap<string, number>,
): ((value: number) => boolean) | string {
  if (bad === 'now') return () => true;
  if (bad === 'failed') return (value) => value > 0;
  if (before.size < MIN_TRACES_A_SIDE) return `only ${before.size} traces before it began`;
  const sign = bad === 'lacking_call' ? -1 : 1;
  const now = Float64Array.from(during.values(), (value) => sign * value).sort();
  const past = Float64Array.from(before.values(), (value) => sign * value).sort();
  const { threshold, apart } = furthestApart(now, past);
  if (apart < MIN_APART) return 'its traces are hardly different from those before';
  return (value) => sign * value > threshold;
}

/**
 * The value up to which the past holds the most more of its values than now (both sorted), and among those as good within one standard
 * error the highest, so that the slower ones of the ordinary traces are not taken for bad ones.
 */
function furthestApart(now: Float64Array, past: Float64Array): { threshold: number; apart: number } {
  const places: { threshold: number; apart: number; nowShare: number }[] = [];
  let below = 0;
  past.forEach((threshold, i) => {
    // Of equal values the last stands for all.
    if (past[i + 1] === threshold) return;
    while (below < now.length && now[below]! <= threshold) below++;
    const nowShare = below / now.length;
    places.push({ threshold, apart: (i + 1) / past.length - nowShare, nowShare });
  });
  const best = places.reduce((a, b) => (b.apart > a.apart ? b : a), { threshold: Infinity, apart: 0, nowShare: 1 });
  const error = Math.sqrt((best.nowShare * (1 - best.nowShare)) / now.length);
  return places.findLast(({ apart }) => apart >= best.apart - error && apart > 0) ?? best;
}
