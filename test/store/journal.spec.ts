import { randomBytes } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { keepSpans } from '../../src/journal/splice.js';
import { OVERFLOW_NAME, UNKNOWN_SERVICE } from '../../src/model/operation.js';
import { POSTED_ERROR, POSTED_ROOT } from '../../src/model/posting.js';
import { HOUR_MS, MINUTE_MS, WINDOW_MS, floorHour, floorMinute, windowOf } from '../../src/model/window.js';
import { createTestDatabase, type TestDatabase } from '../support/database.js';
import { admitted, openJournal, spanCounts, store, type TestJournal } from '../support/journal.js';
import { encodeRequest, requestOf, span, text } from '../support/otlp-proto.js';

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');

/** Resolves once a commit of this database waits for somebody's lock. */
async function waitingForLock({ db }: TestJournal): Promise<void> {
  for (let i = 0; i < 500; i++) {
    const waiting: unknown[] = await db.query(
      `select from pg_stat_activity
       where datname = current_database() and application_name = 'tracehound-journal' and wait_event_type = 'Lock'`,
    );
    if (waiting.length > 0) return;
    await sleep(20);
  }
  throw new Error('no commit waits for a lock');
}

describe('journal', () => {
  let database: TestDatabase;
  let it1: TestJournal;
  let nowMs: number;

  beforeAll(async () => {
    database = await createTestDatabase('journal');
    it1 = await openJournal(database.url);
    nowMs = Date.now();
  });
  afterAll(async () => {
    await it1.close();
    await database.drop();
  });

  it('reads a trace back whole, whatever the number and order of requests it came in', async () => {
    const traceId = randomBytes(16);
    const from = Array.from({ length: 6 }, () => ({ traceId: randomBytes(16), spanId: randomBytes(8) }));
    const root = span(nowMs, { traceId, name: 'GET /', attributes: [text('http.method', 'GET')], links: from });
    const client = span(nowMs - 2, {
      traceId,
      parentSpanId: root.spanId,
      kind: 3,
      name: 'call cart',
      traceState: 'ot=th:8',
      links: [{ traceId: randomBytes(16), spanId: randomBytes(8), attributes: [text('why', 'batch')] }],
    });
    const server = span(nowMs - 4, {
      traceId,
      parentSpanId: client.spanId,
      status: { code: 2, message: 'out of stock' },
      events: [{ timeUnixNano: '1700000000123456789', name: 'exception', attributes: [text('exception.type', 'E')] }],
      attributes: [
        { key: 'big', value: { intValue: '9223372036854775807' } },
        { key: 'small', value: { intValue: '-7' } },
        { key: 'ratio', value: { doubleValue: 0.25 } },
        { key: 'nan', value: { doubleValue: NaN } },
        { key: 'raw', value: { bytesValue: Buffer.from([1, 2, 255]) } },
        { key: 'flag', value: { boolValue: true } },
        { key: 'list', value: { arrayValue: { values: [{ stringValue: 'a' }, { intValue: '1' }] } } },
        { key: 'map', value: { kvlistValue: { values: [text('__proto__', 'kept')] } } },
      ],
    });
    await store(it1, requestOf('cart', [server]));
    await Promise.all([
      store(it1, requestOf('frontend', [root, span(nowMs)])),
      store(it1, requestOf('frontend', [client])),
    ]);

    const trace = (await it1.reader.trace(1, hex(traceId)))!;
    expect(trace.spans.map(({ name }) => name)).toEqual(['GET /cart', 'call cart', 'GET /']);
    expect(trace.spans[0]).toEqual({
      spanId: hex(server.spanId),
      parentSpanId: hex(client.spanId),
      traceState: '',
      service: 'cart',
      name: 'GET /cart',
      kind: 2,
      startTimeUnixNano: server.startTimeUnixNano,
      endTimeUnixNano: server.endTimeUnixNano,
      durationUs: 20_000,
      status: { code: 'error', message: 'out of stock' },
      attributes: [
        { key: 'big', value: '9223372036854775807' },
        { key: 'small', value: -7 },
        { key: 'ratio', value: 0.25 },
        { key: 'nan', value: 'NaN' },
        { key: 'raw', value: 'AQL/' },
        { key: 'flag', value: true },
        { key: 'list', value: ['a', 1] },
        { key: 'map', value: expect.anything() },
      ],
      events: [
        { name: 'exception', timeUnixNano: '1700000000123456789', attributes: [{ key: 'exception.type', value: 'E' }] },
      ],
      links: [],
      resource: [{ key: 'service.name', value: 'cart' }],
      scope: { name: 'test', version: '1', attributes: [] },
      copies: 1,
    });
    expect(JSON.stringify(trace.spans[0]!.attributes[7])).toBe('{"key":"map","value":{"__proto__":"kept"}}');
    expect(trace.spans[2]!.parentSpanId).toBeNull();
    expect(trace.spans[1]!.links).toHaveLength(1);

    const structure = await it1.reader.structure(1, [hex(traceId), 'ab'.repeat(16)]);
    expect([...structure.keys()]).toEqual([hex(traceId)]);
    const spans = structure.get(hex(traceId))!;
    expect(spans).toHaveLength(3);
    expect(spans.find(({ spanId }) => spanId === hex(server.spanId))).toMatchObject({
      parentSpanId: hex(client.spanId),
      kind: 2,
      startUs: Number(BigInt(server.startTimeUnixNano) / 1_000n),
      endUs: Number(BigInt(server.endTimeUnixNano) / 1_000n),
      isError: true,
    });
    // A few of a root's links, and no other's: they are where a trace goes on from.
    expect(spans.find(({ spanId }) => spanId === hex(root.spanId))!.links).toEqual(
      from.slice(0, 4).map((link) => ({ traceId: hex(link.traceId), spanId: hex(link.spanId) })),
    );
    expect(spans.find(({ spanId }) => spanId === hex(client.spanId))!.links).toBeUndefined();
    const [operation] = await it1.db.query(
      `select s.name as service, o.name, o.kind from operations o join services s on s.id = o.service_id where o.id = $1`,
      [spans.find(({ spanId }) => spanId === hex(client.spanId))!.operationId],
    );
    expect(operation).toEqual({ service: 'frontend', name: 'call cart', kind: 3 });
    expect(await it1.reader.trace(2, hex(traceId))).toBeNull();
    expect((await it1.reader.structure(2, [hex(traceId)])).size).toBe(0);
  });

  it('posts every span to its operation and window', async () => {
    const atMs = windowOf(nowMs) - 20 * WINDOW_MS;
    const failed = span(atMs + 1.5, { name: 'post', status: { code: 2 }, traceState: 'ot=th:c' });
    const child = span(atMs + 9_999, { name: 'post', parentSpanId: randomBytes(8) });
    const later = span(atMs + WINDOW_MS, { name: 'post' });
    await store(it1, requestOf('poster', [failed, child, later]));
    const mine = (await it1.reader.postings(1, atMs, atMs + WINDOW_MS)).filter(({ n }) => n === 2);
    expect(mine).toHaveLength(1);
    const [posting] = mine;
    expect(posting).toMatchObject({ windowAtMs: atMs, n: 2 });
    expect(posting!.traceId(0)).toBe(hex(failed.traceId));
    expect(Array.from(posting!.flags)).toEqual([POSTED_ERROR | POSTED_ROOT, 0]);
    expect(Array.from(posting!.durationUs)).toEqual([20_000, 20_000]);
    expect(Array.from(posting!.endOffsetUs)).toEqual([1_500, 9_999_000]);
    expect(Array.from(posting!.weight!)).toEqual([4, 0]);
    const next = await it1.reader.postings(1, atMs + WINDOW_MS, atMs + 2 * WINDOW_MS);
    expect(next.map(({ traceId }) => traceId(0))).toContain(hex(later.traceId));
  });

  it('stores the same request once, also when it comes several times at once', async () => {
    const before = await spanCounts(it1);
    const traceId = randomBytes(16);
    const body = requestOf('twice', [span(nowMs, { traceId })]);
    const receipts = await Promise.all(Array.from({ length: 6 }, () => store(it1, body)));
    expect(receipts.filter(({ isDuplicate }) => !isDuplicate)).toHaveLength(1);
    expect((await store(it1, body)).isDuplicate).toBe(true);
    expect((await it1.reader.trace(1, hex(traceId)))!.spans.map(({ copies }) => copies)).toEqual([1]);
    const after = await spanCounts(it1);
    expect(after['duplicate']! - (before['duplicate'] ?? 0)).toBe(6);
    expect(after['stored']! - before['stored']!).toBe(1);
  });

  it('stores the same request once when two processes get it at the same time', async () => {
    const other = await openJournal(database.url);
    try {
      for (let round = 0; round < 10; round++) {
        const traceId = randomBytes(16);
        const body = requestOf('processes', [span(nowMs, { traceId })]);
        const receipts = await Promise.all([store(it1, body), store(other, body)]);
        expect(receipts.map(({ isDuplicate }) => isDuplicate).sort()).toEqual([false, true]);
        expect((await it1.reader.trace(1, hex(traceId)))!.spans).toHaveLength(1);
      }
    } finally {
      await other.close();
    }
  });

  it('knows the same request again when fewer of its spans, or more, are accepted', async () => {
    const traceId = randomBytes(16);
    const body = requestOf('aged', [
      span(nowMs - 2 * HOUR_MS, { traceId }),
      span(nowMs - HOUR_MS, { traceId }),
      span(nowMs, { traceId }),
    ]);
    const only = async (...kept: number[]) => {
      const request = admitted(body);
      const keep = Uint8Array.from([0, 1, 2], (i) => Number(kept.includes(i)));
      request.spans.retain(keep);
      return it1.journal.append(1, {
        ...request,
        received: request.spans.n,
        payload: { gzip: gzipSync(keepSpans(body, keep)) },
      });
    };
    await it1.journal.openHours([2, 1, 0].map((hours) => floorHour(nowMs - hours * HOUR_MS)));
    expect(await only(1)).toEqual({ isDuplicate: false, acceptedBefore: null });
    // The oldest crossed the limit of age, or came to be accepted.
    expect(await only(1, 2)).toEqual({ isDuplicate: true, acceptedBefore: 1 });
    expect(await only(0, 1, 2)).toEqual({ isDuplicate: true, acceptedBefore: 1 });
    expect(await only(0, 1)).toEqual({ isDuplicate: true, acceptedBefore: 1 });
    const { spans } = (await it1.reader.trace(1, hex(traceId)))!;
    expect(spans.map(({ copies }) => copies)).toEqual([1]);
  });

  it('stores what it did not accept of a request before, when that is all that it accepts now', async () => {
    const traceId = randomBytes(16);
    const body = requestOf('halves', [span(nowMs - HOUR_MS, { traceId }), span(nowMs, { traceId })]);
    for (const keep of [
      [0, 1],
      [1, 0],
    ].map((each) => Uint8Array.from(each))) {
      const request = admitted(body);
      request.spans.retain(keep);
      await it1.journal.openHours([floorHour(nowMs), floorHour(nowMs - HOUR_MS)]);
      await it1.journal.append(1, {
        ...request,
        received: request.spans.n,
        payload: { gzip: gzipSync(keepSpans(body, keep)) },
      });
    }
    const { spans } = (await it1.reader.trace(1, hex(traceId)))!;
    expect(spans.map(({ copies }) => copies)).toEqual([1, 1]);
  });

  it('stores the same bytes for each tenant', async () => {
    const body = requestOf('tenants', [span(nowMs)]);
    expect((await store(it1, body, 1)).isDuplicate).toBe(false);
    expect((await store(it1, body, 2)).isDuplicate).toBe(false);
  });

  it('shows a span that came in two different requests once, with its number of copies', async () => {
    const traceId = randomBytes(16);
    const twice = span(nowMs, { traceId });
    await store(it1, requestOf('copies', [twice]));
    await store(it1, requestOf('copies', [twice, span(nowMs, { traceId })]));
    const { spans } = (await it1.reader.trace(1, hex(traceId)))!;
    expect(spans.find(({ spanId }) => spanId === hex(twice.spanId))!.copies).toBe(2);
    expect(spans).toHaveLength(2);
    expect((await it1.reader.structure(1, [hex(traceId)])).get(hex(traceId))).toHaveLength(2);
  });

  it('has of one span id both the client and its server, and of a span that came under two names always the same', async () => {
    const names = [];
    for (const order of [
      ['told', 'renamed'],
      ['renamed', 'told'],
    ]) {
      const traceId = randomBytes(16);
      const spanId = randomBytes(8);
      for (const name of order) await store(it1, requestOf('namer', [span(nowMs, { traceId, spanId, name, kind: 3 })]));
      await store(it1, requestOf('named', [span(nowMs, { traceId, spanId, name: 'serve', kind: 2 })]));
      const spans = (await it1.reader.structure(1, [hex(traceId)])).get(hex(traceId))!;
      expect(spans.map(({ kind }) => kind).toSorted()).toEqual([2, 3]);
      names.push(spans.map(({ operationId }) => operationId).toSorted((a, b) => a - b));
    }
    expect(names[0]).toEqual(names[1]);
  });

  it('gathers small requests that are committed together in one segment and finds every span in it', async () => {
    const traces = Array.from({ length: 40 }, () => randomBytes(16));
    await Promise.all(
      traces.map((traceId, i) => store(it1, requestOf(`small ${i % 3}`, [span(nowMs, { traceId, name: `n${i}` })]))),
    );
    const [{ n }] = await it1.db.query(
      `select count(distinct segment_id)::int4 as n from trace_segments where trace_id = any($1::uuid[])`,
      [traces.map(hex)],
    );
    expect(n).toBeLessThan(40);
    const structure = await it1.reader.structure(1, traces.map(hex));
    expect(structure.size).toBe(40);
    for (const [i, traceId] of traces.entries()) {
      expect((await it1.reader.trace(1, hex(traceId)))!.spans.map(({ name }) => name)).toEqual([`n${i}`]);
    }
    const postings = await it1.reader.postings(1, windowOf(nowMs), windowOf(nowMs) + WINDOW_MS);
    const posted = new Set(
      postings.flatMap(({ n: count, traceId }) => Array.from({ length: count }, (_, i) => traceId(i))),
    );
    for (const traceId of traces) expect(posted).toContain(hex(traceId));
  });

  it('lets operations with few spans share rows, those of each tenant apart, and finds them by operation', async () => {
    const atMs = windowOf(nowMs) - 40 * WINDOW_MS;
    const bodyOf = (tenantId: number) =>
      requestOf(
        `seldom ${tenantId}`,
        // Operation k has 1 to 9 spans: few share, many have a row of their own.
        Array.from({ length: 900 }, (_, k) =>
          Array.from({ length: 1 + (k % 9) }, (_, i) => span(atMs + i, { name: `seldom ${k}` })),
        ).flat(),
      );
    await Promise.all([7, 8].map((tenantId) => store(it1, bodyOf(tenantId), tenantId)));
    for (const tenantId of [7, 8]) {
      const [{ rows }] = await it1.db.query(
        `select count(*)::int4 as rows from postings where tenant_id = $1 and window_at = $2`,
        [tenantId, new Date(atMs)],
      );
      // 200 operations have eight or nine spans, 700 share at most 256 rows.
      expect(rows).toBeLessThanOrEqual(456);
      const postings = await it1.reader.postings(tenantId, atMs, atMs + WINDOW_MS);
      const names = new Map<number, string>(
        (await it1.db.query(`select id, name from operations where tenant_id = $1`, [tenantId])).map(
          ({ id, name }: { id: number; name: string }) => [id, name],
        ),
      );
      const found = new Map(postings.map(({ operationId, n }) => [names.get(operationId), n]));
      expect(found).toEqual(new Map(Array.from({ length: 900 }, (_, k) => [`seldom ${k}`, 1 + (k % 9)])));
      const spans = await it1.reader.structure(
        tenantId,
        postings.slice(0, 5).map(({ traceId }) => traceId(0)),
      );
      for (const { operationId, traceId, n } of postings.slice(0, 5)) {
        expect(spans.get(traceId(0))).toMatchObject([{ operationId }]);
        expect(new Set(Array.from({ length: n }, (_, i) => traceId(i))).size).toBe(n);
      }
    }
  });

  it('keeps names as columns can hold them and the sender’s text as it was', async () => {
    const traceId = randomBytes(16);
    const long = 'x'.repeat(100_000);
    const named = [`nul\u0000 and \u001b[31mcolour`, '', long, `${long}y`, '__proto__', 'constructor'];
    const spans = named.map((name, i) => span(nowMs + i, { traceId, name }));
    await store(it1, encodeRequest([{ scopeSpans: [{ spans }] }]));
    const rows: { name: string }[] = await it1.db.query(
      `select o.name from operations o join services s on s.id = o.service_id where s.name = $1 order by o.id`,
      [UNKNOWN_SERVICE],
    );
    const names = rows.map(({ name }) => name);
    expect(names).toContain('nul\ufffd and \ufffd[31mcolour');
    expect(names).toEqual(expect.arrayContaining(['(unnamed)', '__proto__', 'constructor']));
    expect(names.filter((name) => /^x{246}~[0-9a-f]{8}$/.test(name))).toHaveLength(2);
    const trace = (await it1.reader.trace(1, hex(traceId)))!;
    expect(trace.spans.map(({ name }) => name)).toEqual(named);
    expect(
      new Set((await it1.reader.structure(1, [hex(traceId)])).get(hex(traceId))!.map(({ operationId }) => operationId))
        .size,
    ).toBe(6);
  });

  it('gives operations beyond the cap one shared name a kind', async () => {
    const small = await openJournal(database.url, { INGEST_MAX_OPERATIONS_PER_SERVICE: '5' });
    try {
      for (let batch = 0; batch < 3; batch++) {
        const spans = Array.from({ length: 10 }, (_, i) => span(nowMs, { name: `explosion ${batch * 10 + i}` }));
        await store(small, requestOf('capped', spans));
      }
      const rows: { name: string }[] = await small.db.query(
        `select o.name from operations o join services s on s.id = o.service_id where s.name = 'capped'`,
      );
      expect(rows).toHaveLength(6);
      expect(rows.map(({ name }) => name)).toContain(OVERFLOW_NAME);
      const traceId = randomBytes(16);
      await store(small, requestOf('capped', [span(nowMs, { traceId, name: 'explosion 999' })]));
      // Another process, which never saw the name, finds the same operation.
      const [found] = (await it1.reader.structure(1, [hex(traceId)])).get(hex(traceId))!;
      const [{ name }] = await small.db.query(`select name from operations where id = $1`, [found!.operationId]);
      expect(name).toBe(OVERFLOW_NAME);
    } finally {
      await small.close();
    }
  });

  it('refuses only the request that the database refuses, and stores its neighbours', async () => {
    await it1.db.query(`alter table segments add constraint refused check (span_count <> 777)`);
    try {
      const before = await spanCounts(it1);
      const good = Array.from({ length: 8 }, () => randomBytes(16));
      const bad = requestOf(
        'culprit',
        Array.from({ length: 777 }, () => span(nowMs, { attributes: [text('pad', 'p'.repeat(2_000))] })),
      );
      const results = await Promise.allSettled([
        store(it1, requestOf('neighbour', [span(nowMs, { traceId: good[0]! })])),
        store(it1, bad),
        ...good.slice(1).map((traceId) => store(it1, requestOf('neighbour', [span(nowMs, { traceId })]))),
      ]);
      expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', ...Array(7).fill('fulfilled')]);
      expect((results[1] as PromiseRejectedResult).reason).toMatchObject({
        name: 'Rejected',
        code: 'not_storable',
        status: 400,
      });
      expect((await it1.reader.structure(1, good.map(hex))).size).toBe(8);
      const after = await spanCounts(it1);
      expect(after['stored']! - before['stored']!).toBe(8);
    } finally {
      await it1.db.query(`alter table segments drop constraint refused`);
    }
  });

  it('answers Unavailable at once when too much waits', async () => {
    const small = await openJournal(database.url, { INGEST_MAX_PENDING_BYTES: '20000' });
    try {
      const requests = Array.from({ length: 30 }, () =>
        store(small, requestOf('full', [span(nowMs, { attributes: [text('pad', 'p'.repeat(2_000))] })])),
      );
      const results = await Promise.allSettled(requests);
      const refused = results.filter(({ status }) => status === 'rejected') as PromiseRejectedResult[];
      expect(refused.length).toBeGreaterThan(0);
      expect(refused.length).toBeLessThan(30);
      for (const { reason } of refused)
        expect(reason).toMatchObject({ name: 'Unavailable', status: 503, retryAfterS: 1 });
      await store(small, requestOf('full', [span(nowMs)]));
    } finally {
      await small.close();
    }
  });

  it('loses nothing acknowledged and stores nothing twice while its connections are cut', async () => {
    const traces = Array.from({ length: 60 }, () => randomBytes(16));
    const done = new AbortController();
    const cutting = (async () => {
      while (!done.signal.aborted) {
        await it1.db.query(`select pg_terminate_backend(pid) from pg_stat_activity
                             where application_name = 'tracehound-journal' and datname = current_database()`);
        await new Promise((resolve) => setTimeout(resolve, 15));
      }
    })();
    let refused = 0;
    for (let from = 0; from < traces.length; from += 6) {
      await Promise.all(
        traces.slice(from, from + 6).map(async (traceId) => {
          const body = requestOf('cut', [span(nowMs, { traceId })]);
          for (;;) {
            try {
              return await store(it1, body);
            } catch (error) {
              expect(error).toMatchObject({ name: 'Unavailable', status: 503 });
              refused++;
              await new Promise((resolve) => setTimeout(resolve, 5));
            }
          }
        }),
      );
      if (from === 30) done.abort();
    }
    await cutting;
    expect(refused).toBeGreaterThan(0);
    for (const traceId of traces) {
      expect((await it1.reader.trace(1, hex(traceId)))!.spans.map(({ copies }) => copies)).toEqual([1]);
    }
  });

  it('keeps the equation received = stored + duplicate + rejected', async () => {
    const counts = await spanCounts(it1);
    const rejected = Object.entries(counts).filter(([outcome]) => outcome.startsWith('rejected:'));
    expect(counts['received']).toBe(
      counts['stored']! + counts['duplicate']! + rejected.reduce((sum, [, n]) => sum + n, 0),
    );
    const [{ n }] = await it1.db.query(`select sum(span_count)::int4 as n from segments where tenant_id = 1`);
    expect(counts['stored']).toBe(n);
    const [{ posted }] = await it1.db.query(`select sum(n)::int4 as posted from postings where tenant_id = 1`);
    expect(posted).toBe(n);
  });
});

describe('event time', () => {
  let database: TestDatabase;
  let it1: TestJournal;
  const baseMs = floorMinute(Date.now()) - HOUR_MS;

  beforeAll(async () => {
    database = await createTestDatabase('journal_clocks');
    it1 = await openJournal(database.url, { RETENTION_HOURS: '24' });
  });
  afterAll(async () => {
    await it1.close();
    await database.drop();
  });

  it('starts a tenant’s clock at the minute of its first span', async () => {
    expect(await it1.clockStore.clock(1, Date.now())).toBeNull();
    await store(it1, requestOf('a', [span(baseMs + 61_000), span(baseMs + 95_000)]));
    await it1.clocks.flush();
    expect(await it1.clockStore.clock(1, Date.now())).toMatchObject({
      firstWindowMs: baseMs + MINUTE_MS,
      closedThroughMs: baseMs + MINUTE_MS,
      watermarkMs: baseMs + 95_000,
      newestMs: baseMs + 95_000,
    });
  });

  it('takes the lower median of the services for the watermark, and never moves a clock back', async () => {
    await store(it1, requestOf('b', [span(baseMs + 120_000)]));
    await store(it1, requestOf('ahead', [span(baseMs + 30 * MINUTE_MS)]));
    await store(it1, requestOf('a', [span(baseMs + 70_000)]));
    await it1.clocks.flush();
    expect(await it1.clockStore.watermark(1, Date.now())).toBe(baseMs + 120_000);
    // Nobody has sent for a minute: the newest counts.
    expect(await it1.clockStore.watermark(1, Date.now() + 61_000)).toBe(baseMs + 30 * MINUTE_MS);
  });

  it('closes windows up to the watermark less the grace time, and forwards only', async () => {
    await it1.closer.run(1);
    expect((await it1.clockStore.clock(1, Date.now()))!.closedThroughMs).toBe(baseMs + 110_000);
    expect(await it1.clockStore.close(1, baseMs)).toBe(false);
    expect(await it1.closer.due()).toEqual([]);
  });

  it('marks closed windows that late spans touch, within the limit', async () => {
    await it1.clockStore.close(1, baseMs + 20 * MINUTE_MS);
    const within = baseMs + 16 * MINUTE_MS;
    await store(it1, requestOf('a', [span(within + 1), span(within + 2), span(baseMs + 20 * MINUTE_MS + 1)]));
    await store(it1, requestOf('a', [span(within + 3), span(baseMs + 61_000), span(baseMs - 61_000)]));
    const reopened = await it1.db.query(`select window_at, late_spans::int4 as n from reopened_windows`);
    expect(reopened).toEqual([{ window_at: new Date(within), n: 3 }]);
    expect(await spanCounts(it1)).toMatchObject({ 'late:reopened': 3, 'late:not_measured': 2 });
  });

  it('makes closing wait for a commit that has read the clock', async () => {
    const atMs = baseMs + 40 * MINUTE_MS;
    await it1.clockStore.close(1, atMs);
    const holder = it1.db.createQueryRunner();
    await holder.startTransaction();
    // The last thing that a commit writes, after it has read the clock.
    await holder.query(`select from span_counts where tenant_id = 1 for update`);
    const storing = store(it1, requestOf('a', [span(atMs + 5)]));
    await waitingForLock(it1);
    const order: string[] = [];
    const closing = it1.clockStore.close(1, atMs + WINDOW_MS).then(() => order.push('closed'));
    await sleep(300);
    expect(order).toEqual([]);
    await holder.rollbackTransaction();
    await holder.release();
    await Promise.all([storing, closing]);
    expect(await it1.db.query(`select from reopened_windows where window_at = $1`, [new Date(atMs)])).toEqual([]);
  });

  it('makes a commit wait for a closing under way, and then marks the window', async () => {
    const atMs = baseMs + 45 * MINUTE_MS;
    const closer = it1.db.createQueryRunner();
    await closer.startTransaction();
    await closer.query(`update tenant_clocks set closed_through = $1 where tenant_id = 1`, [
      new Date(atMs + WINDOW_MS),
    ]);
    const storing = store(it1, requestOf('a', [span(atMs + 5)]));
    await waitingForLock(it1);
    await closer.commitTransaction();
    await closer.release();
    await storing;
    const marked = await it1.db.query(`select late_spans::int4 as n from reopened_windows where window_at = $1`, [
      new Date(atMs),
    ]);
    expect(marked).toEqual([{ n: 1 }]);
  });

  it('closes everything after a silence, but not a future that only one service lives in', async () => {
    const nowMs = Date.now();
    await store(it1, requestOf('a', [span(nowMs)]), 3);
    await store(it1, requestOf('b', [span(nowMs)]), 3);
    await store(it1, requestOf('fast clock', [span(nowMs + 4 * MINUTE_MS)]), 3);
    await it1.clocks.flush();
    await it1.db.query(`update event_clocks set updated_at = now() - interval '31 seconds' where tenant_id = 3`);
    expect(await it1.closer.due()).toContainEqual({ job: 'close', tenantId: 3 });
    await it1.closer.run(3);
    const { closedThroughMs } = (await it1.clockStore.clock(3, nowMs))!;
    expect(closedThroughMs).toBeGreaterThan(nowMs);
    expect(closedThroughMs).toBeLessThanOrEqual(Date.now() + WINDOW_MS);
    expect(await it1.closer.due()).not.toContainEqual({ job: 'close', tenantId: 3 });
  });
});

describe('partitions', () => {
  let database: TestDatabase;
  let it1: TestJournal;
  const hourMs = Math.floor(Date.now() / HOUR_MS) * HOUR_MS;
  const tables = async () => {
    const rows: { name: string }[] = await it1.db.query(
      `select relid::text as name from pg_partition_tree('segments') where isleaf order by 1`,
    );
    return rows.map(({ name }) => name);
  };

  beforeAll(async () => {
    database = await createTestDatabase('journal_partitions');
    it1 = await openJournal(database.url, { RETENTION_ANOMALOUS_HOURS: '0' });
  });
  afterAll(async () => {
    await it1.close();
    await database.drop();
  });

  it('makes hours once, also when several ask at the same time', async () => {
    const other = await openJournal(database.url);
    try {
      const hours = [hourMs, hourMs - HOUR_MS, hourMs - 30 * HOUR_MS];
      const opened = await Promise.all(
        [it1, other, it1, other].map(({ partitions }) => partitions.open(hours, Date.now())),
      );
      for (const open of opened) expect([...open].sort()).toEqual([...hours].sort());
      expect(await tables()).toHaveLength(3);
    } finally {
      await other.close();
    }
  });

  it('drops hours that are over and were not written for the retention, and takes their spans when they come again', async () => {
    const oldMs = hourMs - 30 * HOUR_MS;
    const body = requestOf('old', [span(oldMs + 5)]);
    await store(it1, body);
    await it1.retention.run(Date.now());
    // Old by its spans, but written just now.
    expect(await tables()).toHaveLength(3);
    await it1.db.query(`update journal_hours set last_written_at = now() - interval '25 hours'`);
    await it1.retention.run(Date.now());
    expect(await tables()).toHaveLength(2);
    // Its request key went with it; a process that still believes that the hour exists finds out.
    const traceId = randomBytes(16);
    await it1.partitions.open([oldMs], Date.now());
    await it1.db.query(`delete from journal_hours where hour = $1`, [new Date(oldMs)]);
    for (const table of ['request_keys', 'segments', 'trace_segments', 'postings']) {
      const stamp = new Date(oldMs).toISOString().slice(0, 13).replaceAll('-', '').replace('T', '_');
      await it1.db.query(`drop table ${table}_${stamp}`);
    }
    expect(await store(it1, requestOf('old', [span(oldMs + 5, { traceId })]))).toMatchObject({ isDuplicate: false });
    expect(await it1.reader.trace(1, traceId.toString('hex'))).not.toBeNull();
  });

  it('leaves a drop that would have to wait for next time, and lets commits go on', async () => {
    const oldMs = hourMs - 40 * HOUR_MS;
    await store(it1, requestOf('held', [span(oldMs + 5)]));
    await it1.db.query(`update journal_hours set last_written_at = now() - interval '25 hours' where hour = $1`, [
      new Date(oldMs),
    ]);
    const reader = it1.db.createQueryRunner();
    await reader.startTransaction();
    await reader.query(`select count(*) from segments where hour = $1`, [new Date(oldMs)]);
    const before = Date.now();
    await it1.retention.run(Date.now());
    expect(await it1.db.query(`select from journal_hours where hour = $1`, [new Date(oldMs)])).toHaveLength(1);
    expect(Date.now() - before).toBeLessThan(5_000);
    await store(it1, requestOf('held', [span(Date.now())]));
    await reader.rollbackTransaction();
    await reader.release();
    await it1.retention.run(Date.now());
    expect(await it1.db.query(`select from journal_hours where hour = $1`, [new Date(oldMs)])).toEqual([]);
  });

  it('bounds the number of hours', async () => {
    await it1.db.query(
      `insert into journal_hours (hour) select '2001-01-01'::timestamptz + n * interval '1 hour' from generate_series(1, 2000) n`,
    );
    const newHour = hourMs - 100 * HOUR_MS;
    expect([...(await it1.partitions.open([hourMs, newHour], Date.now()))]).toEqual([hourMs]);
  });
});
