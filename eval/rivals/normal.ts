import type { Normal, RivalTrace } from './rival.js';

interface Moments {
  n: number;
  mean: number;
  squares: number;
}

/** Running means and standard deviations of durations and self times per operation (Welford 1962). */
export class Normals {
  private readonly durations = new Map<number, Moments>();
  private readonly selfTimes = new Map<number, Moments>();

  add({ operation, durationUs, selfUs }: RivalTrace): void {
    operation.forEach((id, i) => {
      include(this.durations, id, durationUs[i]!);
      include(this.selfTimes, id, selfUs[i]!);
    });
  }

  /** The state as it is now; later additions do not change it. */
  snapshot(): Map<number, Normal> {
    return new Map(
      [...this.durations].map(([id, durations]) => {
        const selfTimes = this.selfTimes.get(id)!;
        return [
          id,
          {
            n: durations.n,
            durationMean: durations.mean,
            durationSd: sd(durations),
            selfMean: selfTimes.mean,
            selfSd: sd(selfTimes),
          },
        ];
      }),
    );
  }
}

function include(all: Map<number, Moments>, id: number, value: number): void {
  let moments = all.get(id);
  if (moments === undefined) all.set(id, (moments = { n: 0, mean: 0, squares: 0 }));
  const before = value - moments.mean;
  moments.n += 1;
  moments.mean += before / moments.n;
  moments.squares += before * (value - moments.mean);
}

function sd({ n, squares }: Moments): number {
  return n < 2 ? 0 : Math.sqrt(squares / (n - 1));
}
