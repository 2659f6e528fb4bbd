import { createHash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { SearchStore } from '../../src/journal/search.store.js';
import { TraceSearch, type SpanFilter } from '../../src/journal/search.js';
import { createTestDatabase, type TestDatabase } from '../support/database.js';
import { type AnyValue, requestOf } from '../support/otlp-proto.js';
import { openReceiver, post, type TestReceiver } from '../support/receiver.js';

// What Jaeger asks of every store behind it (jaegertracing/jaeger, internal/storage/integration), in our own words: a service for each question, with
// the trace that answers it, and one beside it that must not.

const AT_MS = Date.now() - 60_000;
const hexOf = (name: string, digits: number) => createHash('md5').update(name).digest('hex').slice(0, digits);
const VALUES: Record<string, AnyValue> = {
  text: { stringValue: 'sameplacevalue' },
  whole: { intValue: '123' },
  fraction: { doubleValue: 72.5 },
  truth: { boolValue: true },
};
const ALL = Object.entries(VALUES).map(([key, value]) => ({ key, value }));
const asked = (prefix: string) =>
  [
    ['text', 'sameplacevalue'],
    ['whole', '123'],
    ['fraction', '72.5'],
    ['truth', 'true'],
  ].map(([key, value]) => ({ key: `${prefix}${key}`, value: value! }));

let database: TestDatabase;
let receiver: TestReceiver;
let search: TraceSearch;
beforeAll(async () => {
  database = await createTestDatabase('known_traces');
  receiver = await openReceiver(database.url);
  search = new TraceSearch(new SearchStore(receiver.journal.db), receiver.journal.reader);
});
afterAll(async () => {
  await receiver.close();
  await database.drop();
});

/** A span in JSON, and what it lies in. */
interface Sent {
  name?: string;
  attributes?: { key: string; value: AnyValue }[];
  events?: object[];
  links?: object[];
  trace?: string;
  durationUs?: number;
  resource?: { key: string; value: AnyValue }[];
  scope?: object;
}

/** Sends one request a span, as JSON, as the fixtures are. */
async function send(service: string, ...spans: Sent[]): Promise<void> {
  for (const [i, { trace = 'wanted', durationUs = 100_000, resource = [], scope = {}, ...fields }] of spans.entries()) {
    const endNs = BigInt(AT_MS) * 1_000_000n;
    const span = {
      traceId: hexOf(`${service} ${trace}`, 32),
      spanId: hexOf(`${service} ${trace} ${i}`, 16),
      name: 'operation',
      startTimeUnixNano: String(endNs - BigInt(durationUs) * 1_000n),
      endTimeUnixNano: String(endNs),
      ...fields,
    };
    const attributes = [{ key: 'service.name', value: { stringValue: service } }, ...resource];
    const request = { resourceSpans: [{ resource: { attributes }, scopeSpans: [{ scope, spans: [span] }] }] };
    const answer = await post(receiver.url, JSON.stringify(request), { 'content-type': 'application/json' });
    expect(answer.body.toString()).toBe('{}');
  }
}

/** The names of the traces that are found. */
async function found(service: string, filter: Partial<SpanFilter>, limit = 20): Promise<string[]> {
  const anything = { minDurationUs: 0, maxDurationUs: Infinity, errorsOnly: false, attributes: [] };
  const period = { fromUs: (AT_MS - 3_600_000) * 1_000, toUs: (AT_MS + 3_600_000) * 1_000 };
  const request = { filter: { service, ...anything, ...period, ...filter }, limit, after: null, asOfMs: null };
  const { traces } = await search.search(1, request);
  const names = ['wanted', 'other', 'third'];
  return traces.map(({ traceId }) => names.find((name) => hexOf(`${service} ${name}`, 32) === traceId) ?? '?').sort();
}

const other = (key: keyof typeof VALUES, value: AnyValue) =>
  ALL.map((each) => (each.key === key ? { key, value } : each));

describe('a search finds', () => {
  const PLACES: { name: string; prefix: string; put: Sent }[] = [
    { name: 'a span', prefix: '', put: { attributes: ALL } },
    { name: 'its resource', prefix: 'resource.', put: { resource: ALL } },
    { name: 'its scope', prefix: 'scope.', put: { scope: { name: 'library', version: '1.2', attributes: ALL } } },
    {
      name: 'an event on it',
      prefix: 'event.',
      put: { events: [{ name: 'log', timeUnixNano: `${AT_MS}000000`, attributes: ALL }] },
    },
    {
      name: 'a link of it',
      prefix: 'link.',
      put: { links: [{ traceId: hexOf('linked', 32), spanId: hexOf('linked', 16), attributes: ALL }] },
    },
  ];

  it.each(PLACES)('text, whole and broken numbers, and truth among the attributes of $name', async (place) => {
    const service = `tags of ${place.name}`;
    await send(service, place.put, {
      trace: 'other',
      attributes: [{ key: 'text', value: { stringValue: 'another' } }],
    });
    expect(await found(service, { attributes: asked(place.prefix) })).toEqual(['wanted']);
    for (const one of asked(place.prefix)) expect(await found(service, { attributes: [one] })).toEqual(['wanted']);
    const wrong = [...asked(place.prefix).slice(1), { key: `${place.prefix}text`, value: 'another one' }];
    expect(await found(service, { attributes: wrong })).toEqual([]);
  });

  it('attributes in several places of one span, and not of several spans', async () => {
    const [first, second, third, fourth] = ALL.map((each) => [each]);
    const event = { name: 'log', timeUnixNano: `${AT_MS}000000`, attributes: third };
    const parts = { attributes: first, resource: second, events: [event], scope: { name: 'l', attributes: fourth } };
    const { resource, ...rest } = parts;
    await send('several spots', parts, { trace: 'other', ...rest }, { trace: 'other', resource });
    const [text, whole, fraction, truth] = asked('');
    const attributes = [
      text!,
      { ...whole!, key: `resource.${whole!.key}` },
      { ...fraction!, key: `event.${fraction!.key}` },
      { ...truth!, key: `scope.${truth!.key}` },
    ];
    expect(await found('several spots', { attributes })).toEqual(['wanted']);
  });

  it.each([
    { name: 'text', attributes: other('text', { stringValue: 'SAMEPLACEVALUE' }) },
    { name: 'a whole number', attributes: other('whole', { intValue: '124' }) },
    { name: 'a broken number', attributes: other('fraction', { doubleValue: 72.25 }) },
    { name: 'truth', attributes: other('truth', { boolValue: false }) },
  ])('nothing where $name differs', async ({ name, attributes }) => {
    await send(`differs in ${name}`, { trace: 'other', attributes });
    expect(await found(`differs in ${name}`, { attributes: asked('') })).toEqual([]);
  });

  it.each([
    { name: 'at most', filter: { maxDurationUs: 2_000 }, finds: ['other'] },
    { name: 'at least', filter: { minDurationUs: 4_500 }, finds: ['third', 'wanted'] },
    { name: 'a range, ends included', filter: { minDurationUs: 4_500, maxDurationUs: 5_500 }, finds: ['wanted'] },
  ])('durations of $name, alone, with an operation and with attributes', async ({ name, filter, finds }) => {
    const service = `durations: ${name}`;
    await send(
      service,
      { durationUs: 5_500, attributes: ALL },
      { trace: 'other', durationUs: 2_000, attributes: ALL },
      { trace: 'third', durationUs: 6_000, attributes: ALL },
      { trace: 'unlike', durationUs: 5_000, name: 'another operation' },
    );
    expect(await found(service, { operation: 'operation', ...filter })).toEqual(finds);
    expect(await found(service, { attributes: asked(''), ...filter })).toEqual(finds);
    expect(await found(service, { operation: 'operation', attributes: asked(''), ...filter })).toEqual(finds);
  });

  it('several traces, and no more than were asked for', async () => {
    await send('several', {}, { trace: 'other' }, { trace: 'third' });
    expect(await found('several', {})).toEqual(['other', 'third', 'wanted']);
    expect(await found('several', {}, 2)).toHaveLength(2);
  });
});

describe('a trace', () => {
  it('of 10,008 spans, some of them sent twice, comes back whole', async () => {
    const traceId = Buffer.from(hexOf('large', 32), 'hex');
    const large = Array.from({ length: 10_008 }, (_, i) => {
      const spanId = Buffer.alloc(8, 1);
      spanId.writeUInt32BE(i);
      const times = { startTimeUnixNano: `${AT_MS - 1}000000`, endTimeUnixNano: `${AT_MS}000000` };
      return { traceId, spanId, name: 'one of many', kind: 1, ...times };
    });
    const headers = { 'content-type': 'application/x-protobuf' };
    for (const spans of [large, large.slice(0, 100)]) {
      expect((await post(receiver.url, requestOf('large', spans), headers)).status).toBe(200);
    }
    const trace = (await receiver.journal.reader.trace(1, traceId.toString('hex'), { offset: 10_000, limit: 10 }))!;
    expect(trace.total).toBe(10_008);
    expect(trace.spans.map(({ spanId }) => parseInt(spanId.slice(0, 8), 16))).toEqual([
      10_000, 10_001, 10_002, 10_003, 10_004, 10_005, 10_006, 10_007,
    ]);
    expect(await receiver.journal.reader.trace(1, hexOf('never sent', 32))).toBeNull();
  });
});

describe("the protocol's own examples", () => {
  const attributes = (key: string) => [{ key, value: { stringValue: 'some value' } }];
  const resource = { attributes: [{ key: 'service.name', value: { stringValue: 'my.service' } }] };
  const scope = { name: 'my.library', version: '1.0.0', attributes: attributes('my.scope.attribute') };
  const json = { 'content-type': 'application/json' };

  it('of a trace is stored as it is, upper-case ids and times as numbers included', async () => {
    const traceId = hexOf('example', 32).toUpperCase();
    const times = { startTimeUnixNano: Number(`${AT_MS - 1_000}000000`), endTimeUnixNano: Number(`${AT_MS}000000`) };
    const ids = { traceId, spanId: 'EEE19B7EC3C1B174', parentSpanId: 'EEE19B7EC3C1B173' };
    const span = { ...ids, name: "I'm a server span", ...times, kind: 2, attributes: attributes('my.span.attr') };
    const body = JSON.stringify({ resourceSpans: [{ resource, scopeSpans: [{ scope, spans: [span] }] }] });
    expect((await post(receiver.url, body, json)).body.toString()).toBe('{}');
    const trace = await receiver.journal.reader.trace(1, traceId.toLowerCase());
    expect(trace!.spans).toMatchObject([
      {
        spanId: 'eee19b7ec3c1b174',
        parentSpanId: 'eee19b7ec3c1b173',
        service: 'my.service',
        name: "I'm a server span",
        kind: 2,
        startTimeUnixNano: `${AT_MS - 1_000}000000`,
        endTimeUnixNano: `${AT_MS}000000`,
        scope: {
          name: 'my.library',
          version: '1.0.0',
          attributes: [{ key: 'my.scope.attribute', value: 'some value' }],
        },
        attributes: [{ key: 'my.span.attr', value: 'some value' }],
      },
    ]);
  });

  const time = `${AT_MS}000000`;
  const metric = {
    name: 'my.counter',
    sum: { aggregationTemporality: 1, isMonotonic: true, dataPoints: [{ asDouble: 5 }] },
  };
  const record = { timeUnixNano: time, severityNumber: 10, body: { stringValue: 'Example log record' } };
  it.each([
    { name: 'metrics', body: { resourceMetrics: [{ resource, scopeMetrics: [{ scope, metrics: [metric] }] }] } },
    { name: 'logs', body: { resourceLogs: [{ resource, scopeLogs: [{ scope, logRecords: [record] }] }] } },
  ])('of $name on the path of traces stores nothing and breaks nothing', async ({ body }) => {
    const stored = async () => {
      const [row] = await receiver.journal.db.query<{ n: string }[]>(
        `select coalesce(sum(n), 0) as n from span_counts where outcome = 'stored'`,
      );
      return Number(row!.n);
    };
    const before = await stored();
    const answer = await post(receiver.url, JSON.stringify(body), json);
    expect(answer.status).toBeLessThan(500);
    expect(await stored()).toBe(before);
  });
});
