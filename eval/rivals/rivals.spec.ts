import { describe, expect, it } from '@jest/globals';
import { AUTHORS_SIGMAS, isAbnormal } from './abnormal-trace.js';
import { chance } from './chance.js';
import { deepestFailing } from './deepest-failing.js';
import { microRank, operationWeights } from './microrank.js';
import { Normals } from './normal.js';
import { ochiai, ochiaiOf } from './ochiai.js';
import { byScore, type Normal, type RivalTrace } from './rival.js';
import { traceRca } from './trace-rca.js';
import { highestDurationZ, highestSelfTimeZ } from './z-score.js';

// Services 1 web, 2 cart, 3 pay; operation = 10 × service.
const WEB = 1;
const CART = 2;
const PAY = 3;

/** web calls the given services one after the other; own times in µs, web's first. */
function trace(own: number[], services: number[], failed: number[] = []): RivalTrace {
  const all = [WEB, ...services];
  const total = own.reduce((a, b) => a + b, 0);
  return {
    service: all,
    operation: all.map((service) => service * 10),
    parent: all.map((_, i) => (i === 0 ? -1 : 0)),
    durationUs: all.map((_, i) => (i === 0 ? total : own[i]!)),
    selfUs: own,
    isError: all.map((service) => failed.includes(service)),
  };
}
const normal = (durationMean: number, durationSd: number, selfMean = durationMean, selfSd = durationSd): Normal => ({
  n: 100,
  durationMean,
  durationSd,
  selfMean,
  selfSd,
});
const past = new Map([
  [10, normal(300, 10, 100, 10)],
  [20, normal(100, 10)],
  [30, normal(100, 10)],
]);
const good = trace([100, 100, 100], [CART, PAY]);
const slowCart = trace([100, 300, 100], [CART, PAY]);

describe('byScore', () => {
  it('orders, drops what is not suspect, and breaks ties by number', () => {
    expect(byScore(new Map([[3, 1], [2, 5], [1, 1], [4, 0]]))).toEqual([2, 1, 3]); // prettier-ignore
  });
});

describe('Normals', () => {
  it('knows mean and standard deviation, as they were then', () => {
    const normals = new Normals();
    for (const us of [2, 4, 9]) normals.add(trace([us], []));
    const then = normals.snapshot();
    normals.add(trace([1000], []));
    expect(then.get(10)).toMatchObject({ n: 3, durationMean: 5, selfMean: 5 });
    expect(then.get(10)!.durationSd).toBeCloseTo(Math.sqrt((9 + 1 + 16) / 2));
  });
});

describe('isAbnormal', () => {
  // Expected: 3 × (100 + 1.5 × 10) = 345.
  it.each([
    { own: [100, 145, 100], expected: false },
    { own: [100, 146, 100], expected: true },
  ])('$own', ({ own, expected }) => {
    expect(isAbnormal(trace(own, [CART, PAY]), past, AUTHORS_SIGMAS)).toBe(expected);
  });
});

describe('the sigmas of a method', () => {
  it('decide which traces are abnormal, and are in its name', () => {
    // 301 is more than 3 × 100, less than 345.
    const given = { traces: [trace([101, 100, 100], [CART, PAY]), good], past };
    expect(ochiai(0).rank(given)).toEqual([WEB, CART, PAY]);
    expect(ochiai(AUTHORS_SIGMAS).rank(given)).toEqual([]);
    expect([ochiai(0).name, microRank(AUTHORS_SIGMAS).name]).toEqual(['Ochiai, 0 σ', 'MicroRank']);
  });
});

describe('z scores', () => {
  it('by duration blames the caller that waits as well, either way up or down', () => {
    // web: 500 against 300 ± 10 is 20; cart: 300 against 100 ± 10 is 20: a tie; pay: 40 against 100 ± 10 is −6.
    const quickPay = trace([100, 300, 40], [CART, PAY]);
    expect(highestDurationZ.rank({ traces: [quickPay], past })).toEqual([CART, WEB, PAY]);
  });

  it('by self time does not, and looks upwards only', () => {
    expect(highestSelfTimeZ.rank({ traces: [trace([101, 300, 40], [CART, PAY])], past })).toEqual([CART, WEB]);
  });

  it('says nothing of what it has never seen', () => {
    expect(highestDurationZ.rank({ traces: [slowCart], past: new Map() })).toEqual([]);
  });
});

describe('Ochiai', () => {
  it('is the formula', () => {
    expect(ochiaiOf(3, 1, 0)).toBeCloseTo(3 / Math.sqrt(4 * 3));
    expect(ochiaiOf(0, 5, 5)).toBe(0);
  });

  it('prefers what only abnormal traces go through', () => {
    // Abnormal: two with cart (one also with pay); normal: one with pay only.
    const traces = [slowCart, trace([100, 400], [CART]), trace([100, 100], [PAY])];
    // cart 2/√(2·2) = 1, web 2/√(2·3) = 0.82, pay 1/√(2·2) = 0.5
    expect(ochiai(AUTHORS_SIGMAS).rank({ traces, past })).toEqual([CART, WEB, PAY]);
  });

  it('is silent when no trace is slow', () => {
    expect(ochiai(AUTHORS_SIGMAS).rank({ traces: [good], past })).toEqual([]);
  });
});

describe('MicroRank', () => {
  it('gives one trace of two operations its PageRank', () => {
    const weights = operationWeights([trace([1, 1], [CART])], true);
    // Both get ½ of the trace each round; cart also gets 0.01 of web's weight, so cart is 1 and web w = r/2 ÷ (r/2 + 0.01 w), where the trace's
    // own weight r is normalised to 1: w = 0.5 / (0.5 + 0.01 w), about 0.9807; times the mean (1 + w) / 2.
    const w = 0.9807;
    expect(weights.get(20)).toBeCloseTo((1 + w) / 2, 3);
    expect(weights.get(10)).toBeCloseTo((w * (1 + w)) / 2, 3);
  });

  it('prefers traces of a rare kind', () => {
    const common = [1, 2, 3].map(() => trace([1, 1], [CART]));
    const weights = operationWeights([...common, trace([1, 1], [PAY])], false);
    // One trace in four; preferred as one kind in two it weighs more than a third of the three others together.
    expect(weights.get(30)! / weights.get(20)!).toBeGreaterThan(1 / 3);
  });

  it('names what abnormal traces go through and normal ones do not', () => {
    const traces = [slowCart, trace([100, 400], [CART]), ...[1, 2, 3].map(() => trace([100, 100], [PAY]))];
    expect(microRank(AUTHORS_SIGMAS).rank({ traces, past })[0]).toBe(CART);
    expect(microRank(AUTHORS_SIGMAS).rank({ traces: [good], past })).toEqual([]);
  });
});

describe('TraceRCA', () => {
  it('weighs support and confidence, and where slow calls end', () => {
    // Two abnormal traces: the calls into cart and web are slow. cart: support 1, confidence 1, in 2 − out 0 → 2.
    // web: support 1, confidence 2/3, in 2 − out 2 → 0, not named. pay: support ½, confidence ½, no slow call → not named.
    const traces = [slowCart, trace([100, 400], [CART]), trace([100, 100], [PAY])];
    expect(traceRca.rank({ traces, past })).toEqual([CART]);
  });

  it('ranks by Jaccard index when slow calls are equal', () => {
    // cart and pay are slow in one trace each; pay is in a normal trace too: 1 / (2 + 1 − 1) = ½ against 1 / (2 + 2 − 1) = ⅓.
    const traces = [trace([100, 400], [CART]), trace([100, 400], [PAY]), trace([100, 100], [PAY])];
    expect(traceRca.rank({ traces, past })).toEqual([CART, PAY]);
  });
});

describe('deepest failing span', () => {
  it('counts failures that begin in a service', () => {
    const traces = [
      trace([1, 1, 1], [CART, PAY], [WEB, PAY]),
      trace([1, 1, 1], [CART, PAY], [WEB, PAY]),
      trace([1, 1, 1], [CART, PAY], [WEB]),
    ];
    expect(deepestFailing.rank({ traces, past })).toEqual([PAY, WEB]);
    expect(deepestFailing.rank({ traces: [good], past })).toEqual([]);
  });
});

describe('chance', () => {
  it('expects a place by luck', () => {
    expect(chance(10)).toEqual({ as: { 1: 0.1, 3: 0.3, 5: 0.5 }, meanRank: 5.5 });
    expect(chance(2).as[5]).toBe(1);
  });
});
