import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { createHash } from 'node:crypto';
import { SearchStore } from '../../src/journal/search.store.js';
import { SEARCH_LIMITS, type SearchLimits } from '../../src/journal/search-budget.js';
import { TraceSearch, type FoundTrace, type SearchAnswer, type SpanFilter } from '../../src/journal/search.js';
import { createTestDatabase, type TestDatabase } from '../support/database.js';
import { openJournal, store, type TestJournal } from '../support/journal.js';
import { encodeRequest, requestOf, span, text, type SpanFields } from '../support/otlp-proto.js';

const T0 = Date.parse('2026-03-01T11:58:00Z');
const ANY: SpanFilter = {
  minDurationUs: 0,
  maxDurationUs: Infinity,
  errorsOnly: false,
  attributes: [],
  fromUs: (T0 - 3_600_000) * 1_000,
  toUs: (T0 + 3_600_000) * 1_000,
};

let database: TestDatabase;
let journal: TestJournal;
let search: TraceSearch;
let tenants = 100;
beforeAll(async () => {
  database = await createTestDatabase('search');
  journal = await openJournal(database.url, { INGEST_MAX_OPERATIONS_PER_SERVICE: '3' });
  search = new TraceSearch(new SearchStore(journal.db), journal.reader);
});
afterAll(async () => {
  await journal?.close();
  await database?.drop();
});

const traceId = (n: number) => createHash('md5').update(String(n)).digest();
const spanId = (n: number) => createHash('md5').update(`span ${n}`).digest().subarray(0, 8);
const hexOf = (n: number) => traceId(n).toString('hex');
const failed = { status: { code: 2 } };

/** A span of trace `n` that ended `endMs` after T0 and took `ms`. */
function made(n: number, endMs: number, ms: number, fields: Partial<SpanFields> = {}): SpanFields {
  const endNs = BigInt(Math.round((T0 + endMs) * 1_000)) * 1_000n;
  const startTimeUnixNano = String(endNs - BigInt(Math.round(ms * 1_000)) * 1_000n);
  return span(T0 + endMs, { traceId: traceId(n), startTimeUnixNano, ...fields });
}

interface Pages {
  traces: FoundTrace[];
  pages: SearchAnswer[];
}

/** All pages; `between` runs after each of them. */
async function all(
  tenantId: number,
  filter: Partial<SpanFilter>,
  limit = 20,
  limits: Partial<SearchLimits> = {},
  between: (page: number) => Promise<void> = () => Promise.resolve(),
): Promise<Pages> {
  const pages: SearchAnswer[] = [];
  let after: SearchAnswer['next'] = null;
  let asOfMs: number | null = null;
  do {
    const request = { filter: { ...ANY, ...filter }, limit, after, asOfMs };
    const page: SearchAnswer = await search.search(tenantId, request, { ...SEARCH_LIMITS, ...limits });
    asOfMs = page.asOfMs;
    after = page.next;
    pages.push(page);
    await between(pages.length);
  } while (after !== null && pages.length < 500);
  expect(after).toBeNull();
  return { traces: pages.flatMap((page) => page.traces), pages };
}

const idsOf = ({ traces }: Pages) => traces.map((trace) => trace.traceId);

describe('a search', () => {
  const tenantId = 1;
  beforeAll(async () => {
    await store(
      journal,
      encodeRequest([
        {
          resource: { attributes: [text('service.name', 'cart'), text('host.name', 'c1')] },
          scopeSpans: [
            {
              spans: [
                made(1, 1_000, 50, {
                  name: 'GET /cart',
                  attributes: [text('user', 'ann'), text('http.method', 'GET')],
                }),
                made(1, 990, 5, { name: 'redis', kind: 3, parentSpanId: spanId(1), ...failed }),
                made(2, 11_000, 500, {
                  name: 'GET /cart',
                  attributes: [
                    text('user', 'bob=1'),
                    { key: 'items', value: { intValue: '3' } },
                    { key: 'big', value: { intValue: '9007199254740993' } },
                    { key: 'ok', value: { boolValue: true } },
                    { key: 'ratio', value: { doubleValue: 0.5 } },
                    { key: 'tags', value: { arrayValue: { values: [{ stringValue: 'a' }, { intValue: '1' }] } } },
                    { key: 'digest', value: { bytesValue: Buffer.from('a1b2c3', 'hex') } },
                    { key: 'address', value: { kvlistValue: { values: [text('city', 'Oslo')] } } },
                    text('token', 'deadbeef'),
                    text('nothing', 'null'),
                  ],
                }),
              ],
            },
          ],
        },
      ]),
    );
    await store(
      journal,
      requestOf('pay', [
        made(1, 995, 30, { name: 'charge', parentSpanId: spanId(1), ...failed }),
        made(3, 3_000_000, 4_400_000, { name: 'nightly' }),
      ]),
    );
  });

  it.each<{ name: string; filter: Partial<SpanFilter>; expected: number[] }>([
    { name: 'nothing asked', filter: {}, expected: [3, 2, 1] },
    { name: 'service', filter: { service: 'cart' }, expected: [2, 1] },
    { name: 'operation of any service', filter: { operation: 'charge' }, expected: [1] },
    { name: 'service and operation', filter: { service: 'cart', operation: 'GET /cart' }, expected: [2, 1] },
    { name: 'operation of another service', filter: { service: 'pay', operation: 'redis' }, expected: [] },
    { name: 'a service that is not', filter: { service: 'nobody' }, expected: [] },
    { name: 'kind', filter: { kind: 3 }, expected: [1] },
    { name: 'duration at the bound', filter: { minDurationUs: 50_000, maxDurationUs: 50_000 }, expected: [1] },
    { name: 'duration beyond', filter: { minDurationUs: 50_001, maxDurationUs: 499_999 }, expected: [] },
    { name: 'duration above 71 minutes', filter: { minDurationUs: 4_400_000_000 }, expected: [3] },
    { name: 'errors', filter: { errorsOnly: true }, expected: [1] },
    { name: 'one span must match all', filter: { operation: 'redis', minDurationUs: 6_000 }, expected: [] },
    { name: 'errors of an operation without', filter: { operation: 'GET /cart', errorsOnly: true }, expected: [] },
    { name: 'attribute', filter: { attributes: [{ key: 'user', value: 'ann' }] }, expected: [1] },
    { name: 'value with =', filter: { attributes: [{ key: 'user', value: 'bob=1' }] }, expected: [2] },
    { name: 'number', filter: { attributes: [{ key: 'items', value: '3' }] }, expected: [2] },
    { name: 'large number', filter: { attributes: [{ key: 'big', value: '9007199254740993' }] }, expected: [2] },
    { name: 'boolean', filter: { attributes: [{ key: 'ok', value: 'true' }] }, expected: [2] },
    { name: 'fraction', filter: { attributes: [{ key: 'ratio', value: '0.5' }] }, expected: [2] },
    { name: 'array', filter: { attributes: [{ key: 'tags', value: '["a",1]' }] }, expected: [2] },
    { name: 'bytes', filter: { attributes: [{ key: 'digest', value: 'obLD' }] }, expected: [2] },
    { name: 'object', filter: { attributes: [{ key: 'address', value: '{"city":"Oslo"}' }] }, expected: [2] },
    { name: 'text that could be base64', filter: { attributes: [{ key: 'token', value: 'deadbeef' }] }, expected: [2] },
    { name: 'text like null', filter: { attributes: [{ key: 'nothing', value: 'null' }] }, expected: [2] },
    { name: 'value of another key', filter: { attributes: [{ key: 'http.method', value: 'ann' }] }, expected: [] },
    { name: 'key within a value', filter: { attributes: [{ key: 'ann', value: 'ann' }] }, expected: [] },
    {
      name: 'attributes of one span',
      filter: {
        attributes: [
          { key: 'user', value: 'ann' },
          { key: 'http.method', value: 'GET' },
        ],
      },
      expected: [1],
    },
    {
      name: 'attributes of two spans',
      filter: {
        attributes: [
          { key: 'user', value: 'ann' },
          { key: 'items', value: '3' },
        ],
      },
      expected: [],
    },
    { name: 'resource', filter: { attributes: [{ key: 'resource.host.name', value: 'c1' }] }, expected: [2, 1] },
    { name: 'resource without its prefix', filter: { attributes: [{ key: 'host.name', value: 'c1' }] }, expected: [] },
    { name: 'from, inclusive', filter: { fromUs: (T0 + 11_000) * 1_000 }, expected: [3, 2] },
    { name: 'to, exclusive', filter: { toUs: (T0 + 11_000) * 1_000 }, expected: [1] },
    { name: 'only later spans of the trace', filter: { fromUs: (T0 + 999) * 1_000, service: 'pay' }, expected: [3] },
    { name: 'a time before all', filter: { fromUs: 0, toUs: (T0 - 1e9) * 1_000 }, expected: [] },
    { name: 'all times', filter: { fromUs: -8e15, toUs: 2e17 }, expected: [3, 2, 1] },
  ])('finds by $name', async ({ filter, expected }) => {
    const found = await all(tenantId, filter);
    expect(idsOf(found)).toEqual(expected.map(hexOf));
    expect(found.pages.every((page) => page.isComplete)).toBe(true);
  });

  it('shows what the trace is and which of its spans match', async () => {
    const { traces } = await all(tenantId, { errorsOnly: true });
    expect(traces).toEqual([
      {
        traceId: hexOf(1),
        rootService: 'cart',
        rootOperation: 'GET /cart',
        startUs: (T0 + 950) * 1_000,
        durationUs: 50_000,
        spans: 3,
        errors: 2,
        services: [
          { name: 'cart', spans: 2, errors: 1 },
          { name: 'pay', spans: 1, errors: 1 },
        ],
        matches: 2,
        matched: [
          { spanId: expect.any(String), service: 'pay', operation: 'charge', durationUs: 30_000, isError: true },
          { spanId: expect.any(String), service: 'cart', operation: 'redis', durationUs: 5_000, isError: true },
        ],
      },
    ]);
  });

  it('sees nothing of another tenant', async () => {
    expect(await all(2, {})).toMatchObject({ traces: [], pages: [{ isComplete: true, next: null }] });
    expect((await all(2, { service: 'cart' })).traces).toEqual([]);
    await store(journal, requestOf('cart', [made(1, 500, 1)]), 3);
    const { traces } = await all(3, {});
    expect(traces).toMatchObject([{ traceId: hexOf(1), spans: 1, services: [{ name: 'cart', spans: 1, errors: 0 }] }]);
  });
});

it('shows a trace and its spans once, however often they came', async () => {
  const tenantId = tenants++;
  const twice = made(5, 1_000, 10, { spanId: spanId(5) });
  await store(journal, requestOf('cart', [twice, made(6, 2_000, 10)]), tenantId);
  await store(journal, requestOf('cart', [twice, made(7, 3_000, 10)]), tenantId);
  const found = await all(tenantId, { service: 'cart' }, 1);
  expect(idsOf(found)).toEqual([7, 6, 5].map(hexOf));
  expect(found.traces[2]).toMatchObject({ spans: 1, matches: 1, services: [{ name: 'cart', spans: 1, errors: 0 }] });
});

it('finds operations that share the overflow, by their own names', async () => {
  const tenantId = tenants++;
  const names = ['a', 'b', 'c', 'd', 'e'];
  for (const [i, name] of names.entries()) await store(journal, requestOf('cart', [made(i, i, 1, { name })]), tenantId);
  for (const [i, operation] of names.entries()) {
    expect({ operation, ids: idsOf(await all(tenantId, { operation })) }).toEqual({ operation, ids: [hexOf(i)] });
  }
});

describe('attributes that few segments have', () => {
  const tenantId = 51;
  const N = 40;
  beforeAll(async () => {
    for (let i = 0; i < N; i++) {
      const attributes = [text('n', String(i)), text('of', 'all')];
      await store(journal, requestOf('cart', [made(i, i * 7_000, 10, { name: 'GET', attributes })]), tenantId);
    }
  });

  it('are found without reading the others', async () => {
    const { traces, pages } = await all(tenantId, { attributes: [{ key: 'n', value: '7' }] });
    expect(traces.map((trace) => trace.traceId)).toEqual([hexOf(7)]);
    expect(pages).toHaveLength(1);
    expect(pages[0]!.cost.segments).toBeLessThanOrEqual(3);
  });

  it('are not found where only both together are missing', async () => {
    const attributes = [
      { key: 'of', value: 'all' },
      { key: 'n', value: 'none' },
    ];
    const { traces, pages } = await all(tenantId, { attributes });
    expect(traces).toEqual([]);
    expect(pages).toMatchObject([{ isComplete: true }]);
    expect(pages[0]!.cost.segments).toBeLessThanOrEqual(2);
  });

  it('are looked for in each segment where no filter can tell', async () => {
    const { traces, pages } = await all(tenantId, { attributes: [{ key: 'n', value: 'NaN' }] });
    expect(traces).toEqual([]);
    expect(pages[0]!.cost.segments).toBe(N);
  });
});

describe('an attribute that few segments have', () => {
  const tenantId = 52;
  const HOUR = 3_600_000;

  it('is found in a segment that is filed under an earlier hour, each span in its turn', async () => {
    const attributes = [text('order', '17')];
    const ends = [-2 * HOUR, -HOUR, 0, HOUR / 2];
    const wide = ends.map((endMs, i) => made(600 + i, endMs, 10, { attributes }));
    await store(journal, requestOf('cart', wide), tenantId);
    await store(journal, requestOf('cart', [made(610, -HOUR / 2, 10, { attributes })]), tenantId);
    await store(journal, requestOf('cart', [made(611, 1_000, 10)]), tenantId);
    const filter = { attributes: [{ key: 'order', value: '17' }], fromUs: (T0 - 3 * HOUR) * 1_000 };
    for (const limit of [1, 2, 20]) {
      const { traces } = await all(tenantId, filter, limit);
      expect(traces.map((trace) => trace.traceId)).toEqual([603, 602, 610, 601, 600].map(hexOf));
    }
    const part = await all(tenantId, { ...filter, fromUs: (T0 - HOUR) * 1_000, toUs: T0 * 1_000 });
    expect(part.traces.map((trace) => trace.traceId)).toEqual([610, 601].map(hexOf));
    expect(part.pages[0]!.cost).toMatchObject({ postings: 0, spans: 0 });
  });

  it('is found with more spans in a segment than candidates are held', async () => {
    const attributes = [text('order', '18')];
    const spans = Array.from({ length: 30 }, (_, i) => made(700 + i, i * 10, 10, { attributes }));
    await store(journal, requestOf('cart', spans), tenantId);
    const { traces } = await all(tenantId, { attributes: [{ key: 'order', value: '18' }] }, 7, { candidates: 4 });
    expect(traces.map((trace) => trace.traceId)).toEqual(Array.from({ length: 30 }, (_, i) => hexOf(729 - i)));
  });
});

describe('bounded work', () => {
  const tenantId = 50;
  const N = 40;
  beforeAll(async () => {
    for (let i = 0; i < N; i++) {
      const attributes = [text('n', String(i % 20))];
      await store(journal, requestOf('cart', [made(i, i * 7_000, 10, { name: 'GET', attributes })]), tenantId);
    }
    // As those are that were stored before there were filters: every one has to be read.
    await journal.db.query(`update segments set attributes = null where tenant_id = $1`, [tenantId]);
  });

  it('says that it stopped, and goes on from there until all is found', async () => {
    const filter = { service: 'cart', attributes: [{ key: 'n', value: '0' }] };
    const { traces, pages } = await all(tenantId, filter, 20, { segments: 4 });
    expect(traces.map((trace) => trace.traceId)).toEqual([20, 0].map(hexOf));
    expect(pages.length).toBeGreaterThan(N / 5 - 1);
    for (const page of pages) expect(page.cost.segments).toBeLessThanOrEqual(5);
    expect(pages.slice(0, -1).every((page) => !page.isComplete && page.next !== null)).toBe(true);
    expect(pages.at(-1)).toMatchObject({ isComplete: true, next: null });
  });

  it('does not call "nothing" what it has not searched', async () => {
    const filter = { attributes: [{ key: 'n', value: 'none' }] };
    const { pages } = await all(tenantId, filter, 20, { segments: 10 });
    expect(pages.map((page) => page.isComplete)).toEqual([...pages.slice(1).map(() => false), true]);
    expect(pages.length).toBeGreaterThanOrEqual(4);
    const reached = pages.map((page) => page.searchedToUs);
    expect(reached).toEqual([...reached].sort((a, b) => b - a));
  });

  it('reads no span and no segment where no duration is long enough', async () => {
    const { pages } = await all(tenantId, { minDurationUs: 1e9 });
    expect(pages).toMatchObject([{ isComplete: true, cost: { postings: N, spans: 0, segments: 0 } }]);
  });

  it('moves on even when every limit is reached at once', async () => {
    const limits = { postings: 0, spans: 0, segments: 0, segmentBytes: 0, ms: 0, chunkSpans: 1, candidates: 1 };
    const found = await all(tenantId, { minDurationUs: 1 }, 20, limits);
    expect(idsOf(found)).toEqual(Array.from({ length: N }, (_, i) => hexOf(N - 1 - i)));
  });

  it('refuses more than four at a time', async () => {
    const request = { filter: ANY, limit: 1, after: null, asOfMs: null };
    const results = await Promise.allSettled(Array.from({ length: 6 }, () => search.search(tenantId, request)));
    expect(results.filter((result) => result.status === 'rejected').map((result) => result.reason)).toEqual([
      expect.objectContaining({ name: 'Unavailable' }),
      expect.objectContaining({ name: 'Unavailable' }),
    ]);
  });
});

it('pages over each matching trace exactly once, under equal times, copies and small limits', async () => {
  const ends = fc.constantFrom(0, 1, 5_000, 9_999, 10_000, 10_001, 25_000, 125_000);
  const spans = fc.array(
    fc.record({ trace: fc.nat(11), end: ends, slow: fc.boolean(), id: fc.nat(20), tag: fc.nat(1), request: fc.nat(4) }),
    { minLength: 1, maxLength: 40 },
  );
  const small = fc.record({
    limit: fc.integer({ min: 1, max: 5 }),
    chunkSpans: fc.integer({ min: 1, max: 20 }),
    candidates: fc.integer({ min: 1, max: 6 }),
    segments: fc.integer({ min: 0, max: 4 }),
    spans: fc.integer({ min: 1, max: 60 }),
  });
  await fc.assert(
    fc.asyncProperty(spans, small, fc.boolean(), async (list, { limit, ...limits }, byAttribute) => {
      const tenantId = tenants++;
      for (let request = 0; request <= 4; request++) {
        const some = list.filter((each) => each.request === request);
        if (some.length === 0) continue;
        const body = some.map(({ trace, end, slow, id, tag }) =>
          made(trace, end, slow ? 20 : 1, { spanId: spanId(id), attributes: [text('tag', String(tag))] }),
        );
        await store(journal, requestOf('cart', body), tenantId);
      }
      const filter: Partial<SpanFilter> = byAttribute
        ? { minDurationUs: 10_000, attributes: [{ key: 'tag', value: '1' }] }
        : { minDurationUs: 10_000 };
      const found = await all(tenantId, filter, limit, limits);
      expect(idsOf(found)).toEqual(await slowTraces(tenantId, byAttribute ? '1' : undefined));
    }),
    { numRuns: 40 },
  );
});

/** The same answer from whole traces: those with a span of at least 10 ms, and that tag where one is given. */
async function slowTraces(tenantId: number, tag: string | undefined): Promise<string[]> {
  const found: { id: string; endNs: bigint }[] = [];
  for (let n = 0; n <= 11; n++) {
    const spans = (await journal.reader.trace(tenantId, hexOf(n)))?.spans ?? [];
    const ends = spans
      .filter(
        ({ durationUs, attributes }) => durationUs >= 10_000 && (tag ?? attributes[0]!.value) === attributes[0]!.value,
      )
      .map(({ endTimeUnixNano }) => BigInt(endTimeUnixNano));
    if (ends.length > 0) found.push({ id: hexOf(n), endNs: ends.reduce((a, b) => (a > b ? a : b)) });
  }
  found.sort((a, b) => (a.endNs !== b.endNs ? (a.endNs > b.endNs ? -1 : 1) : a.id > b.id ? -1 : 1));
  return found.map(({ id }) => id);
}

it('shows each trace of the first moment once while others arrive', async () => {
  const tenantId = tenants++;
  const N = 24;
  for (let i = 0; i < N; i += 4) {
    const some = [0, 1, 2, 3].flatMap((j) => [made(i + j, (i + j) * 2_000, 5), made(i + j, (i + j) * 1_000, 5)]);
    await store(journal, requestOf('cart', some), tenantId);
  }
  const found = await all(tenantId, {}, 3, {}, async (page) => {
    await new Promise((resolve) => setTimeout(resolve, 5));
    // More spans of traces that were shown and of some that were not, above and below, and new traces.
    const late = [made(page, 60_000 - page, 5), made(N - page, 10 * page, 5), made(1_000 + page, 20_000 - page, 5)];
    await store(journal, requestOf('cart', late), tenantId);
    await new Promise((resolve) => setTimeout(resolve, 5));
  });
  expect(idsOf(found)).toEqual(Array.from({ length: N }, (_, i) => hexOf(N - 1 - i)));
});
