import { describe, expect, it } from '@jest/globals';
import { Histogram } from './histogram.js';
import { waitsByDesign } from './waits.js';

const S = 1_000_000;
const of = (...parts: [n: number, fromUs: number, toUs: number][]): Histogram => {
  const h = new Histogram();
  for (const [n, from, to] of parts) for (let i = 0; i < n; i++) h.add(from + ((to - from) * i) / n);
  return h;
};
const op = (name: string, kind = 2) => ({ name, kind });

describe('waitsByDesign', () => {
  const quick = of([100, 5_000, 90_000]);
  const table: {
    name: string;
    operation: { name: string; kind: number };
    durations: Histogram;
    want: string | null;
  }[] = [
    { name: 'a request', operation: op('GET /cart'), durations: quick, want: null },
    { name: 'a consumer at work', operation: op('orders process', 5), durations: quick, want: null },
    {
      name: 'a consumer that receives',
      operation: op('orders receive', 5),
      durations: quick,
      want: 'receives_messages',
    },
    { name: 'a blocking pop', operation: op('BLPOP', 3), durations: of([100, 1 * S, 9 * S]), want: 'named_as_waiting' },
    { name: 'a pop that never blocks', operation: op('BLPOP', 3), durations: of([100, 200, 900]), want: null },
    { name: 'a word inside another', operation: op('GET /streamlined'), durations: of([99, 1 * S, 9 * S]), want: null },
    {
      name: 'a long poll by its shape: half time out after 30 s, half are answered before',
      operation: op('GET /events'),
      durations: of([50, 1 * S, 29 * S], [50, 30 * S, 30.2 * S]),
      want: 'ends_at_a_timeout',
    },
    {
      name: 'slow work of all lengths',
      operation: op('POST /report'),
      durations: of([100, 1 * S, 40 * S]),
      want: null,
    },
    {
      name: 'quick work that now and then runs into a timeout',
      operation: op('GET /cart'),
      durations: of([90, 5_000, 90_000], [10, 5 * S, 5.1 * S]),
      want: null,
    },
    {
      name: 'a scheduler’s tenth of a second',
      operation: op('GET /cart'),
      durations: of([50, 5_000, 90_000], [50, 99_000, 100_000]),
      want: null,
    },
    {
      name: 'an open stream',
      operation: op('Telemetry/Tail'),
      durations: of([40, 60 * S, 9000 * S]),
      want: 'long_lived',
    },
    { name: 'too few to say', operation: op('BLPOP', 3), durations: of([9, 5 * S, 5 * S]), want: null },
  ];
  it.each(table)('$name: $want', ({ operation, durations, want }) =>
    expect(waitsByDesign(operation, durations)).toBe(want),
  );
});
