import { accuracy, type FaultResult, type Place, type Share, share } from '../tools/recorded/score.js';
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
  given: Ranking;
  /** Told by the opening message, of all judged faults: one that was not noticed was not told. */
  told: Ranking;
  /** The same a minute later. */
  later: Ranking;
  noticed: Share;
}

/** Accuracy at 1, 3 and 5 and the mean rank; `worst` is the rank of a service that was not named. */
export function ranking(ranks: readonly (number | null)[], worst: number): Ranking {
  const sum = ranks.reduce<number>((all, rank) => all + (rank ?? worst), 0);
  return { as: accuracy(ranks), meanRank: ranks.length === 0 ? null : sum / ranks.length };
}

/** Sums over all judged faults and then by type, in alphabetic order. */
export function sumsOf({ given, stream, services }: DatasetResult): Sums[] {
  const judged = stream.results.flatMap((result, i) =>
    result.judged ? [{ ...result, givenRank: given[i]!.rank }] : [],
  );
  const line = (name: string, of: readonly (FaultResult & { givenRank: number | null })[]): Sums => ({
    name,
    n: of.length,
    given: ranking(
      of.map((each) => each.givenRank),
      services,
    ),
    told: ranking(
      of.map((each) => each.toldRank),
      services,
    ),
    later: ranking(
      of.map((each) => each.laterRank),
      services,
    ),
    noticed: share(of.filter((each) => each.noticedAfterS !== null).length, of.length),
  });
  const types = [...new Set(judged.map((each) => each.fault.type))].sort();
  return [
    line('all', judged),
    ...types.map((type) =>
      line(
        type,
        judged.filter((each) => each.fault.type === type),
      ),
    ),
  ];
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
