import { describe, expect, it } from '@jest/globals';
import { samplingWeight } from './sampling.js';

const weigh = (tracestate: string) => {
  const bytes = Buffer.from(`before${tracestate}th:8after`);
  return samplingWeight(bytes, 6, bytes.length - 9);
};

describe('samplingWeight', () => {
  // Values from the OpenTelemetry specification, tracestate-probability-sampling.
  it.each([
    { tracestate: 'ot=th:0', expected: 1 },
    { tracestate: 'ot=th:8', expected: 2 },
    { tracestate: 'ot=th:c', expected: 4 },
    { tracestate: 'ot=th:ccd', expected: 5.001221 },
    { tracestate: 'ot=th:fd70a', expected: 99.997711 },
    { tracestate: 'ot=th:fd70a4', expected: 100.000095 },
    { tracestate: 'ot=th:fff972', expected: 9_998.3405 },
    { tracestate: 'ot=rv:6e6d1a75832a2f;th:c', expected: 4 },
    { tracestate: 'vendor=x,ot=th:8;rv:6e6d1a75832a2f', expected: 2 },
    { tracestate: 'vendor=x, \tot=th:8 ,other=1', expected: 2 },
    { tracestate: 'ot=th:ffffffffffffff', expected: 10_000 },
  ])('is $expected for $tracestate', ({ tracestate, expected }) => {
    expect(weigh(tracestate)).toBeCloseTo(expected, 3);
  });

  it.each([
    '',
    'ot=',
    'ot=th:',
    'ot=th:xyz',
    'ot=th:C',
    'ot=th:000000000000000',
    'ot=rv:8',
    'not=th:c',
    'xot=th:c',
    'th:c',
    'ot=xth:c',
    'o',
    'ot=t',
    ',,,',
    'ot=th',
  ])('is unknown for %j', (tracestate) => {
    expect(weigh(tracestate)).toBe(0);
  });
});
