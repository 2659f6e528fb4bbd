import { describe, expect, it } from '@jest/globals';
import { type AnyValue, encodeRequest, otlpType, span, text } from '../../test/support/otlp-proto.js';
import { attributeWeight, samplingWeight } from './sampling.js';
import { scan } from './scan.js';

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

describe('attributeWeight', () => {
  const weigh = (key: string, value: AnyValue, keys = ['SampleRate', 'sampling.rate']) => {
    const type = otlpType('KeyValue');
    const bytes = Buffer.from(type.encode(type.fromObject({ key, value })).finish());
    return attributeWeight(
      bytes,
      0,
      bytes.length,
      keys.map((each) => Buffer.from(each)),
    );
  };

  it.each<{ value: AnyValue; expected: number }>([
    { value: { intValue: '20' }, expected: 20 },
    { value: { intValue: '1' }, expected: 1 },
    { value: { doubleValue: 0.05 }, expected: 20 },
    { value: { doubleValue: 2.5 }, expected: 2.5 },
    { value: { stringValue: '20' }, expected: 20 },
    { value: { stringValue: '0.25' }, expected: 4 },
    { value: { intValue: '100000000' }, expected: 10_000 },
    { value: { doubleValue: 1e-9 }, expected: 10_000 },
    { value: { doubleValue: Infinity }, expected: 10_000 },
    { value: { intValue: '0' }, expected: 0 },
    { value: { intValue: '-5' }, expected: 0 },
    { value: { doubleValue: -0.5 }, expected: 0 },
    { value: { doubleValue: NaN }, expected: 0 },
    { value: { stringValue: '' }, expected: 0 },
    { value: { stringValue: '1e3' }, expected: 0 },
    { value: { stringValue: '1'.repeat(1_000) }, expected: 0 },
    { value: { boolValue: true }, expected: 0 },
    { value: { arrayValue: { values: [{ intValue: '5' }] } }, expected: 0 },
  ])('is $expected for $value', ({ value, expected }) => {
    expect(weigh('SampleRate', value)).toBeCloseTo(expected, 9);
    expect(weigh('sampling.rate', value)).toBeCloseTo(expected, 9);
  });

  it('is 0 for any other attribute', () => {
    expect(weigh('SampleRat', { intValue: '20' })).toBe(0);
    expect(weigh('', { intValue: '20' })).toBe(0);
    expect(weigh('SampleRate', { intValue: '20' }, [])).toBe(0);
  });

  it('is read from the spans of a request where tracestate states none', () => {
    const sampled = (traceState: string, value: string) =>
      span(1e12, { traceState, attributes: [text('a', 'b'), { key: 'SampleRate', value: { intValue: value } }] });
    const bytes = encodeRequest([
      { scopeSpans: [{ spans: [sampled('', '20'), sampled('ot=th:8', '20'), span(1e12)] }] },
    ]);
    const limits = { maxAttributeDepth: 4, maxSpans: 10 };
    const weights = (keys: string[]) => [...scan(bytes, { ...limits, weightAttributes: keys }).weight.subarray(0, 3)];
    expect(weights(['SampleRate'])).toEqual([20, 2, 0]);
    expect(weights([])).toEqual([0, 2, 0]);
  });
});
