import { describe, expect, it } from '@jest/globals';
import type { Finding } from '../model/anomaly.js';
import { controlDiscoveries } from './discoveries.js';

const passing = (score: number) => ({ score, raised: true, reason: 'raised' }) as Finding;
const kept = (scores: number[], tests: number): number[] =>
  controlDiscoveries(
    scores.map((score) => passing(score)),
    tests,
    1e-5,
  )
    .filter((finding) => finding.raised)
    .map((finding) => finding.score);

describe('controlDiscoveries', () => {
  const table: { name: string; scores: number[]; tests: number; want: number[] }[] = [
    { name: 'among ten series a score of 7 is enough', scores: [7], tests: 10, want: [7] },
    { name: 'among ten thousand it is not', scores: [7], tests: 10_000, want: [] },
    { name: 'there it takes 10', scores: [10.1], tests: 10_000, want: [10.1] },
    {
      name: 'a hundred together need less each',
      scores: Array(100).fill(8.1),
      tests: 10_000,
      want: Array(100).fill(8.1),
    },
    { name: 'the strong ones carry a weaker one', scores: [40, 30, 9.7], tests: 10_000, want: [40, 30, 9.7] },
    { name: 'but not the weakest', scores: [40, 30, 6], tests: 10_000, want: [40, 30] },
    { name: 'nothing', scores: [], tests: 0, want: [] },
  ];
  it.each(table)('$name', ({ scores, tests, want }) => expect(kept(scores, tests)).toEqual(want));

  it('says of those that fall short that they are not significant', () => {
    expect(controlDiscoveries([passing(5)], 100, 1e-5)).toMatchObject([{ raised: false, reason: 'not_significant' }]);
  });
});
