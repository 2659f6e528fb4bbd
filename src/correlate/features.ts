import type { Place, Term, TraceTerms } from '../model/trace-terms.js';
import { isAmount, isSymptom, isTellable, isTiming, looksLikeId } from './keys.js';
import { TraceSet } from './trace-set.js';

/** A yes-or-no question about a trace: whether the key has the value there (or, for an amount, reaches it). */
export interface Feature {
  scope: Term['scope'];
  place: Place;
  key: string;
  value: string;
  isSymptom: boolean;
  /** Traces in which its service or operation took part; the question makes no sense for others. */
  domain: TraceSet;
  /** Traces that have it. */
  having: TraceSet;
}

/** Amounts with more different values than this are cut at quantiles; fewer are values like any other. */
const MAX_NUMBERS_AS_VALUES = 12;
/** At which quantiles of all traces together, so that the cut does not know which are bad. */
const AT_LEAST = [0.25, 0.5, 0.75, 0.9];
const AT_MOST = [0.1, 0.25, 0.5, 0.75];
/** What fewer traces have, or all but so few, cannot be told from chance, whatever side they are on. */
const MIN_HAVING = 5;

/**
 * The questions worth asking of these traces (positions in `order`). What is left out is decided without regard to which traces are
 * bad, so that it does not bias the tests that follow: secrets, ids by shape, and what nearly all or nearly none of the traces have.
 */
export function featuresOf(sample: TraceTerms, order: readonly string[]): Feature[] {
  const domains = sample.places.map(() => new TraceSet(order.length));
  const having = new Map<number, TraceSet>();
  const counts = new Uint32Array(sample.terms.length);
  for (const traceId of order) for (const term of sample.traces.get(traceId)?.terms ?? []) counts[term]!++;
  order.forEach((traceId, position) => {
    const trace = sample.traces.get(traceId);
    if (trace === undefined) return;
    for (const place of trace.places) domains[place]!.add(position);
    for (const term of trace.terms) {
      // Most values are unique; only numbers may count together.
      if (counts[term]! < MIN_HAVING && sample.terms[term]!.number === null) continue;
      let set = having.get(term);
      if (set === undefined) having.set(term, (set = new TraceSet(order.length)));
      set.add(position);
    }
  });
  const features: Feature[] = [];
  const keep = (term: Term, value: string, set: TraceSet): void => {
    const domain = domains[term.place]!;
    const n = set.count();
    if (n < MIN_HAVING || n >= domain.count()) return;
    const { scope, key } = term;
    const place = sample.places[term.place]!;
    features.push({ scope, place, key, value, isSymptom: isSymptom(scope, key, value), domain, having: set });
  };
  for (const ids of byKey(sample.terms, having.keys())) {
    const terms = ids.map((id) => sample.terms[id]!);
    const { key, scope } = terms[0]!;
    if (!isTellable(key)) continue;
    if (isAmountKey(terms)) {
      if (!isTiming(key)) for (const cut of cuts(terms, ids, having, order.length)) keep(terms[0]!, cut.value, cut.set);
      continue;
    }
    ids.forEach((id, i) => {
      const term = terms[i]!;
      // A resource is one of few that send spans, so that even an id is what many traces share: the instance.
      if (counts[id]! < MIN_HAVING || (scope !== 'resource' && looksLikeId(term.value))) return;
      keep(term, term.value, having.get(id)!);
    });
  }
  return features;
}

/** Ids of terms with the same place, scope and key, in the order of place, scope, key and value. */
function byKey(terms: readonly Term[], ids: Iterable<number>): number[][] {
  const groups = new Map<string, number[]>();
  for (const id of ids) {
    const { place, scope, key } = terms[id]!;
    const name = `${place} ${scope} ${key}`;
    const group = groups.get(name);
    if (group === undefined) groups.set(name, [id]);
    else group.push(id);
  }
  return [...groups.values()];
}

/** Numbers of a process (its id, its number of cores) name it; those of spans and events can be amounts. */
function isAmountKey(terms: readonly Term[]): boolean {
  const { key, scope } = terms[0]!;
  if (scope === 'resource' || !isAmount(key)) return false;
  return terms.length > MAX_NUMBERS_AS_VALUES && terms.every((term) => term.number !== null);
}

/** "At least" and "at most" a few quantiles; a trace with several values counts by its largest, or smallest. */
function cuts(
  terms: readonly Term[],
  ids: readonly number[],
  having: ReadonlyMap<number, TraceSet>,
  size: number,
): { value: string; set: TraceSet }[] {
  const largest = new Map<number, number>();
  const smallest = new Map<number, number>();
  ids.forEach((id, i) => {
    const number = terms[i]!.number!;
    const set = having.get(id)!;
    for (let position = 0; position < size; position++) {
      if (!set.has(position)) continue;
      largest.set(position, Math.max(largest.get(position) ?? -Infinity, number));
      smallest.set(position, Math.min(smallest.get(position) ?? Infinity, number));
    }
  });
  const cutAt = (
    values: ReadonlyMap<number, number>,
    quantiles: readonly number[],
    sign: '≥' | '≤',
  ): { value: string; set: TraceSet }[] => {
    const sorted = [...values.values()].sort((a, b) => a - b);
    const thresholds = new Set(quantiles.map((quantile) => sorted[Math.floor(quantile * (sorted.length - 1))]!));
    return [...thresholds].map((threshold) => {
      const set = new TraceSet(size);
      for (const [position, value] of values) {
        if (sign === '≥' ? value >= threshold : value <= threshold) set.add(position);
      }
      return { value: `${sign} ${Number(threshold.toPrecision(6))}`, set };
    });
  };
  return [...cutAt(largest, AT_LEAST, '≥'), ...cutAt(smallest, AT_MOST, '≤')];
}
