import { share, type Share } from '../tools/recorded/score.js';

/** A first cause with the score it was given, and whether it was the true service. */
export interface Prediction {
  score: number;
  isRight: boolean;
}

export interface Bin {
  /** The bin holds scores from here to a tenth further; the last one holds 1 as well. */
  from: number;
  n: number;
  meanScore: number;
  right: Share;
}

export interface Reliability {
  n: number;
  bins: Bin[];
  /** Mean squared difference between score and outcome (Brier 1950); 0.25 is what always saying ½ gets. */
  brier: number;
  /** Mean distance between score and share right over bins, weighted by their size: the expected calibration error. */
  error: number;
}

const BINS = 10;

/** How often first causes were right, by tenths of their score. Null without predictions. */
export function reliability(predictions: readonly Prediction[]): Reliability | null {
  if (predictions.length === 0) return null;
  const bins: Bin[] = [];
  for (let bin = 0; bin < BINS; bin += 1) {
    const inside = predictions.filter(({ score }) => Math.min(BINS - 1, Math.floor(score * BINS)) === bin);
    if (inside.length === 0) continue;
    bins.push({
      from: bin / BINS,
      n: inside.length,
      meanScore: mean(inside.map(({ score }) => score)),
      right: share(inside.filter(({ isRight }) => isRight).length, inside.length),
    });
  }
  return {
    n: predictions.length,
    bins,
    brier: mean(predictions.map(({ score, isRight }) => (score - (isRight ? 1 : 0)) ** 2)),
    error: bins.reduce(
      (sum, { n, meanScore, right }) => sum + (n / predictions.length) * Math.abs(meanScore - right.k / right.n),
      0,
    ),
  };
}

const ROUNDS = 50;
const SMALLEST = 1e-4;

/**
 * A map from score to probability, 1 / (1 + exp(−(a + b · logit score))), fitted to the predictions by Newton's method (Platt 1999; his targets
 * (r + 1) / (r + 2) and 1 / (w + 2) keep it finite when scores part right from wrong). For "fit on one system, test on another" only:
 * nothing that is fitted here goes into the product.
 */
export function fitLogistic(predictions: readonly Prediction[]): (score: number) => number {
  const right = predictions.filter(({ isRight }) => isRight).length;
  const points = predictions.map(({ score, isRight }) => ({
    x: logit(score),
    y: isRight ? (right + 1) / (right + 2) : 1 / (predictions.length - right + 2),
  }));
  let [a, b] = [0, 1];
  for (let round = 0; round < ROUNDS; round += 1) {
    let [ga, gb, haa, hab, hbb] = [0, 0, 1e-3, 0, 1e-3];
    for (const { x, y } of points) {
      const p = 1 / (1 + Math.exp(-(a + b * x)));
      const w = p * (1 - p);
      ga += p - y;
      gb += (p - y) * x;
      haa += w;
      hab += w * x;
      hbb += w * x * x;
    }
    const determinant = haa * hbb - hab * hab;
    // Small steps: far from the optimum Newton's own ones overshoot.
    a -= limited((hbb * ga - hab * gb) / determinant);
    b -= limited((haa * gb - hab * ga) / determinant);
  }
  return (score) => 1 / (1 + Math.exp(-(a + b * logit(score))));
}

function logit(score: number): number {
  const p = Math.min(1 - SMALLEST, Math.max(SMALLEST, score));
  return Math.log(p / (1 - p));
}

function limited(step: number): number {
  return Math.max(-1, Math.min(1, step));
}

/** For each set of predictions: its reliability as it is, and with a logistic map fitted on all the other sets together. */
export function leaveOneOut(
  sets: readonly { name: string; predictions: readonly Prediction[] }[],
): { name: string; own: Reliability; fittedElsewhere: Reliability }[] {
  return sets.flatMap(({ name, predictions }) => {
    const others = sets.filter((other) => other.name !== name).flatMap((other) => other.predictions);
    const own = reliability(predictions);
    if (own === null || others.length === 0) return [];
    const map = fitLogistic(others);
    const mapped = predictions.map(({ score, isRight }) => ({ score: map(score), isRight }));
    return [{ name, own, fittedElsewhere: reliability(mapped)! }];
  });
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
