/** One size of a series of measurements: milliseconds of one core, medians. */
export interface Step {
  operations: number;
  edges: number;
  spans: number;
  measureMs: number;
  learnMs: number;
  detectMs: number;
  rankMs: number;
  heapMiB: number;
}

/** Slope of log(y) over log(x) by least squares: 1 is linear growth, 2 quadratic. */
export function exponent(points: readonly { x: number; y: number }[]): number {
  const xs = points.map(({ x }) => Math.log(x));
  const ys = points.map(({ y }) => Math.log(y));
  const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;
  const [meanX, meanY] = [mean(xs), mean(ys)];
  const up = xs.reduce((sum, x, i) => sum + (x - meanX) * (ys[i]! - meanY), 0);
  return up / xs.reduce((sum, x) => sum + (x - meanX) ** 2, 0);
}

export function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1] ?? NaN;
}

/** The table for docs/measurements.md, with the growth below it. */
export function stepTable(steps: readonly Step[]): string {
  const lines = steps.map((step) =>
    [
      step.operations,
      step.edges,
      step.spans,
      `${step.measureMs.toFixed(0)} (${((step.measureMs * 1000) / step.spans).toFixed(2)} µs a span)`,
      step.learnMs.toFixed(0),
      step.detectMs.toFixed(0),
      step.rankMs.toFixed(0),
      step.heapMiB.toFixed(0),
    ].join(' | '),
  );
  const FIGURES = {
    measure: 'measureMs',
    learn: 'learnMs',
    detect: 'detectMs',
    rank: 'rankMs',
    heap: 'heapMiB',
  } as const;
  const growth = (of: readonly Step[]): string =>
    Object.entries(FIGURES)
      .map(([name, field]) => [name, exponent(of.map((step) => ({ x: step.operations, y: step[field] })))] as const)
      .map(([name, power]) => `${name} ${power.toFixed(2)}`)
      .join(', ');
  return [
    '| operations | edges | spans a window | measure ms | learn a minute, ms | detect ms | rank ms | heap MiB |',
    '| --- | --- | --- | --- | --- | --- | --- | --- |',
    ...lines.map((line) => `| ${line} |`),
    '',
    `Growth with the number of operations (exponent; 1 is linear): ${growth(steps)}; from the last size but one to the last: ${growth(steps.slice(-2))}.`,
  ].join('\n');
}
