/** One trace, column by column: position i is one span. Services and operations are numbers. */
export interface RivalTrace {
  service: readonly number[];
  operation: readonly number[];
  /** Position of the parent, -1 for a root. */
  parent: readonly number[];
  durationUs: readonly number[];
  selfUs: readonly number[];
  isError: readonly boolean[];
}

/** Mean and standard deviation of one operation in the fault-free past. */
export interface Normal {
  n: number;
  durationMean: number;
  durationSd: number;
  selfMean: number;
  selfSd: number;
}

/** What a method is given: the traces that began in the fault's window, and what was normal before it. */
export interface RivalCase {
  traces: readonly RivalTrace[];
  past: ReadonlyMap<number, Normal>;
}

/** A method from the literature or from folklore, re-implemented here; it names suspected services, best first. */
export interface Rival {
  name: string;
  /** Where the formula comes from. */
  source: string;
  rank(given: RivalCase): number[];
}

/** Services by score, highest first; those without a positive score are not named. Ties: the lower number first. */
export function byScore(scores: ReadonlyMap<number, number>): number[] {
  return [...scores]
    .filter(([, score]) => score > 0)
    .sort(([a, scoreA], [b, scoreB]) => scoreB - scoreA || a - b)
    .map(([service]) => service);
}

/** Raises the score of a service to `score` if it is higher. */
export function raise(scores: Map<number, number>, service: number, score: number): void {
  if (score > (scores.get(service) ?? -Infinity)) scores.set(service, score);
}
