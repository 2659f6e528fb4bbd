import { accuracy, type Place, type Score, type Share, share } from '../tools/recorded/score.js';
import type { DatasetResult } from './evaluate.js';

/** Accuracy of a list of rankings. `meanRank` counts a service that was not named as the last of all. */
export interface Ranking {
  as: Record<Place, Share>;
  meanRank: number | null;
}

/** One line of sums: all judged faults of a data set, or those of one type. */
export interface Sums {
  name: string;
  n: number;
  /** Told by the opening message, of all judged faults: one that was not noticed was not told. */
  told: Ranking;
  /** The same a minute later, where that is known. */
  later: Ranking;
  /** The same as it stands in the end. */
  final: Ranking;
  noticed: Share;
}

/** Accuracy at 1, 3 and 5 and the mean rank; `worst` is the rank of a service that was not named. */
export function ranking(ranks: readonly (number | null)[], worst: number): Ranking {
  const sum = ranks.reduce<number>((all, rank) => all + (rank ?? worst), 0);
  return { as: accuracy(ranks), meanRank: ranks.length === 0 ? null : sum / ranks.length };
}

/** Sums of a stream over all judged faults and then by type, in alphabetic order; `services` is the rank of one that was not named. */
export function streamSums({ results }: Score, services: number): Sums[] {
  const judged = results.filter((result) => result.judged);
  return byType(judged, ({ fault }) => fault.type).map(({ name, of }) => ({
    name,
    n: of.length,
    told: rankingOf(of, services, (each) => each.toldRank),
    later: rankingOf(of, services, (each) => each.laterRank),
    final: rankingOf(of, services, (each) => each.finalRank),
    noticed: share(of.filter((each) => each.noticedAfterS !== null).length, of.length),
  }));
}

/** The same for given windows. */
export function givenSums({ given, services }: DatasetResult): { name: string; n: number; given: Ranking }[] {
  const judged = given.filter((each) => each.judged);
  return byType(judged, ({ fault }) => fault.type).map(({ name, of }) => ({
    name,
    n: of.length,
    given: rankingOf(of, services, (each) => each.rank),
  }));
}

function byType<T>(all: readonly T[], typeOf: (each: T) => string): { name: string; of: readonly T[] }[] {
  const types = [...new Set(all.map(typeOf))].sort();
  return [
    { name: 'all', of: all },
    ...types.map((name) => ({ name, of: all.filter((each) => typeOf(each) === name) })),
  ];
}

function rankingOf<T>(all: readonly T[], worst: number, rank: (each: T) => number | null): Ranking {
  return ranking(all.map(rank), worst);
}

/** The value below which the share `q` of the values lies (nearest rank); null when there are none. */
export function quantile(values: readonly number[], q: number): number | null {
  return values.toSorted((a, b) => a - b)[Math.max(0, Math.ceil(values.length * q) - 1)] ?? null;
}

/** Methods side by side on the judged faults whose windows are given; ours is first. */
export function comparison({ given, rivals, services }: DatasetResult): { name: string; ranking: Ranking }[] {
  const ours = { name: 'Tracehound', ranks: given.map((each) => each.rank) };
  return [ours, ...rivals].map(({ name, ranks }) => ({
    name,
    ranking: ranking(
      ranks.filter((_, i) => given[i]!.judged),
      services,
    ),
  }));
}
