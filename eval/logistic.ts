import type { Calibration } from '../src/rank/score.js';

/** One service that was suspected of one fault. */
export interface Row {
  inputs: [number, number];
  isRight: boolean;
  weight: number;
}

const ROUNDS = 50;
/** A little ridge keeps the fit finite where right and wrong are told apart entirely. */
const RIDGE = 0.5;

/** Logistic regression by Newton's method, with a ridge on everything but the intercept. */
export function fit(rows: readonly Row[]): Calibration {
  let beta: [number, number, number] = [0, 1, 0];
  for (let round = 0; round < ROUNDS; round += 1) {
    const gradient = [0, -RIDGE * beta[1], -RIDGE * beta[2]];
    const hessian = [
      [1e-6, 0, 0],
      [0, RIDGE, 0],
      [0, 0, RIDGE],
    ];
    for (const { inputs, isRight, weight } of rows) {
      const x = [1, ...inputs];
      const p = 1 / (1 + Math.exp(-(beta[0] + beta[1] * inputs[0] + beta[2] * inputs[1])));
      for (let i = 0; i < 3; i += 1) {
        gradient[i]! += weight * ((isRight ? 1 : 0) - p) * x[i]!;
        for (let j = 0; j < 3; j += 1) hessian[i]![j]! += weight * p * (1 - p) * x[i]! * x[j]!;
      }
    }
    const step = solve(hessian, gradient);
    beta = [beta[0] + step[0]!, beta[1] + step[1]!, beta[2] + step[2]!];
  }
  return { intercept: beta[0], share: beta[1], surprise: beta[2] };
}

/** Gaussian elimination with pivots; the matrix is small and positive definite. */
function solve(matrix: readonly (readonly number[])[], right: readonly number[]): number[] {
  const a = matrix.map((row, i) => [...row, right[i]!]);
  const n = a.length;
  for (let k = 0; k < n; k += 1) {
    const pivot = a.slice(k).reduce((best, row, i) => (Math.abs(row[k]!) > Math.abs(a[best]![k]!) ? k + i : best), k);
    [a[k], a[pivot]] = [a[pivot]!, a[k]!];
    for (let i = k + 1; i < n; i += 1) {
      const factor = a[i]![k]! / a[k]![k]!;
      for (let j = k; j <= n; j += 1) a[i]![j]! -= factor * a[k]![j]!;
    }
  }
  const x = new Array<number>(n).fill(0);
  for (let i = n - 1; i >= 0; i -= 1) {
    let rest = a[i]![n]!;
    for (let j = i + 1; j < n; j += 1) rest -= a[i]![j]! * x[j]!;
    x[i] = rest / a[i]![i]!;
  }
  return x;
}
