import { describe, expect, it } from '@jest/globals';
import {
  type AnyValue,
  encodeRequest,
  type KeyValue,
  span,
  type SpanFields,
  text,
} from '../../test/support/otlp-proto.js';
import { TERM_LIMITS, TermCollector } from './collect-terms.js';
import { scan } from './scan.js';

const RESOURCE = [text('service.name', 'cart'), text('host.name', 'h1')];
const valued = (key: string, value: AnyValue): KeyValue => ({ key, value });

/** What is collected of the spans, all of trace `t`, each in a resource of its own. */
function collected(...spans: Partial<SpanFields>[]) {
  const bytes = encodeRequest(
    spans.map((fields) => ({ resource: { attributes: RESOURCE }, scopeSpans: [{ spans: [span(1_000, fields)] }] })),
  );
  const table = scan(bytes, { maxAttributeDepth: 64, maxSpans: 10_000 });
  const collector = new TermCollector();
  for (let i = 0; i < table.n; i++) collector.add(table, i, 't');
  const { places, terms, traces, left } = collector.result();
  const said = [...traces.get('t')!.terms].map((id) => {
    const { scope, place, key, value, number } = terms[id]!;
    return [scope, places[place]!.operation, key, value, ...(number === null ? [] : [number])].join(' | ');
  });
  return { said, left, places };
}

describe('TermCollector', () => {
  it('gathers what span, resource, event and status say, each at its place, once', () => {
    const fields: Partial<SpanFields> = {
      name: 'GET',
      attributes: [text('tier', 'gold'), valued('items', { intValue: '7' }), valued('hit', { boolValue: false })],
      events: [{ timeUnixNano: '1', name: 'exception', attributes: [text('exception.type', 'Timeout')] }],
      status: { code: 2, message: 'no answer' },
    };
    const { said, left, places } = collected(fields, fields);
    expect(said.toSorted()).toEqual([
      'event | GET | exception.type | Timeout',
      'event | GET | name | exception',
      'resource |  | host.name | h1',
      'resource |  | service.name | cart',
      'span | GET | hit | false',
      'span | GET | items | 7 | 7',
      'span | GET | status.message | no answer',
      'span | GET | tier | gold',
    ]);
    expect(places).toEqual([
      { service: 'cart', operation: null },
      { service: 'cart', operation: 'GET' },
    ]);
    expect(left).toEqual({});
  });

  it('takes the strings of an array one by one, and nothing that is nested or empty', () => {
    const strings = (...all: string[]) => ({ arrayValue: { values: all.map((stringValue) => ({ stringValue })) } });
    const { said } = collected({
      attributes: [
        valued('tags', strings('a', 'b', '')),
        valued('map', { kvlistValue: { values: [text('k', 'v')] } }),
        valued('none', { stringValue: '' }),
        text('', 'no key'),
      ],
    });
    expect(said.filter((each) => each.startsWith('span'))).toEqual([
      'span | GET /cart | tags | a',
      'span | GET /cart | tags | b',
    ]);
  });

  it('makes text of senders fit to be stored', () => {
    expect(collected({ attributes: [text('k\u0000', 'a\u0000b\u001b')] }).said).toContain(
      'span | GET /cart | k\ufffd | a\ufffdb\ufffd',
    );
  });

  it('counts what is beyond its limits', () => {
    const many = (n: number) => Array.from({ length: n }, (_, i) => text(`k${i}`, 'v'));
    const { said, left } = collected({
      attributes: [
        text('long', 'x'.repeat(TERM_LIMITS.valueLength + 1)),
        text('longer', 'x'.repeat(9_999)),
        ...many(70),
      ],
      events: Array.from({ length: TERM_LIMITS.eventsPerSpan + 3 }, () => ({ timeUnixNano: '1', name: 'e' })),
    });
    expect(left).toEqual({ long_values: 2, attributes: 72 - TERM_LIMITS.attributesPerSpan, events: 3 });
    expect(said.filter((each) => each.startsWith('span'))).toHaveLength(TERM_LIMITS.attributesPerSpan - 2);
    const huge = Array.from({ length: TERM_LIMITS.spansPerTrace + 2 }, () => ({}));
    expect(collected(...huge).left).toEqual({ spans_of_huge_traces: 2 });
  });
});
