import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { TracesStore } from '../../src/journal/traces.store.js';
import { JournalReader } from '../../src/journal/read.js';
import { BacktestWorker } from '../../src/alert/backtest.worker.js';
import { ReplayData } from '../../src/alert/replay-data.store.js';
import { AnomalyStore } from '../../src/store/anomaly.store.js';
import { BacktestStore } from '../../src/store/backtest.store.js';
import { IncidentStore } from '../../src/store/incident.store.js';
import { RuleHistoryStore } from '../../src/store/rule-history.store.js';
import { VersionStore } from '../../src/store/version.store.js';
import { openJournal, store } from '../support/journal.js';
import { requestOf, span, text } from '../support/otlp-proto.js';
import { BEGAN_MS, type Did, type RuleWorld, startRuleWorld } from '../support/rule-world.js';

const WINDOWS = 150;
const END_MS = BEGAN_MS + WINDOWS * 10_000;
let world: RuleWorld;
let backtest: BacktestWorker;

beforeAll(async () => {
  world = await startRuleWorld('backtest');
  const { db } = world;
  const traces = new TracesStore(db, new JournalReader(db, undefined as never));
  const data = new ReplayData(new RuleHistoryStore(db), new AnomalyStore(db), new VersionStore(db), traces);
  backtest = new BacktestWorker(new BacktestStore(db), data, new IncidentStore(db));
  await world.rule({ type: 'threshold', name: 'slow', measure: 'p90', window: '1m', above: 300, for: '30s' });
  await world.rule({
    type: 'threshold',
    name: 'errors',
    measure: 'error_rate',
    window: '30s',
    above: 0.2,
    keepFiringFor: '1m',
  });
  await world.rule({
    type: 'absence',
    name: 'gone',
    window: '1m',
    expectedWithin: '10m',
    groupBy: ['service', 'operation', 'kind'],
  });
  await world.rule({
    type: 'burn_rate',
    name: 'budget',
    objective: 0.9,
    every: '10s',
    windows: [{ long: '2m', short: '30s', burnRate: 2 }],
    minEvents: 50,
    groupBy: ['service'],
  });
  await world.rule({
    type: 'structural',
    name: 'new call',
    change: 'new_call',
    window: '30s',
    reference: '10m',
    every: '10s',
    keepFiringFor: '0s',
  });
  await world.rule({
    type: 'trace_match',
    name: 'loop',
    where: [
      { services: ['cart'], kinds: ['server'] },
      {
        attributes: [{ key: 'db.system', value: 'postgresql' }],
        minCount: 20,
        relation: { is: 'descendant_of', filter: 0 },
      },
    ],
    window: '20s',
    keepFiringFor: '0s',
  });
  await storeTraces();
  const windows = Array.from({ length: WINDOWS }, (_, i): Did[] | null => {
    if (i % 41 === 40) return null;
    const bad = i % 50 > 30;
    const cart: Did = {
      service: 'cart',
      operation: 'Get',
      n: 20 + (i % 7),
      ms: bad ? 500 : 100,
      errors: i % 60 > 50 ? 9 : 0,
      calls: i >= 75 && i < 100 ? [{ service: 'db', operation: 'Query', n: 5 }] : [],
    };
    return i > 70 && i < 95 ? [cart] : [cart, { service: 'pay', operation: 'Charge', n: 5, ms: 50 + i }];
  });
  const worker = world.worker();
  for (let i = 0; i < WINDOWS; i += 30) {
    await world.measure(windows.slice(i, i + 30));
    await worker.run(1);
  }
});
afterAll(() => world.close());

/** A trace in every window. In windows 30 to 34 it queries 25 times; in window 60 too, but the queries end long after the trace's window. */
async function storeTraces(): Promise<void> {
  const journal = await openJournal(world.url);
  try {
    const spans = Array.from({ length: WINDOWS }, (_, i) => {
      const endMs = BEGAN_MS + 10_000 * i + 5_000;
      const id = (n: number, bytes: number) => Buffer.from(`${i}.${n}`.padEnd(2 * bytes, 'f').replace('.', 'e'), 'hex');
      const trace = { traceId: id(0, 16) };
      const root = span(endMs, { ...trace, spanId: id(0, 8), name: 'Get', kind: 2 });
      const queries = (i >= 30 && i < 35) || i === 60 ? 25 : 2;
      const children = Array.from({ length: queries }, (_child, n) =>
        span(endMs + (i === 60 ? 40_000 : -1), {
          ...trace,
          spanId: id(n + 1, 8),
          parentSpanId: id(0, 8),
          name: 'select',
          kind: 3,
          attributes: [text('db.system', 'postgresql')],
        }),
      );
      return [root, ...children];
    });
    await store(journal, requestOf('cart', spans.flat()));
  } finally {
    await journal.close();
  }
}

const live = (ruleId: string): Promise<{ at: number; from: string; to: string }[]> =>
  world.db.query(
    `select extract(epoch from at - $2)::int4 as at, from_state as "from", to_state as "to" from alert_transitions
      where snapshot ->> 'ruleId' = $1 order by at`,
    [ruleId, new Date(BEGAN_MS)],
  );

describe('backtest', () => {
  it('comes to what live evaluation came to, window by window', async () => {
    let compared = 0;
    for (const rule of (await world.rules.list(1)).filter(({ type }) => type !== 'anomaly')) {
      const live: object[] = await world.db.query(
        `select extract(epoch from at)::int8::int4 as at, from_state as "from", to_state as "to", reason, snapshot -> 'labels' as labels
           from alert_transitions where snapshot ->> 'ruleId' = $1`,
        [rule.id],
      );
      const { transitions } = await backtest.run(1, rule, BEGAN_MS, END_MS, undefined, END_MS);
      const replayed = transitions.map(({ atMs, from, to, reason, snapshot }) => ({
        at: atMs / 1_000,
        from: from === 'inactive' || from === 'resolved' ? 'rest' : from,
        to,
        reason,
        labels: snapshot.labels,
      }));
      const order = (all: object[]): string[] =>
        all
          .map((each) =>
            JSON.stringify(
              each,
              Object.keys({
                at: 0,
                from: 0,
                to: 0,
                reason: 0,
                labels: 0,
                alertname: 0,
                service: 0,
                operation: 0,
                kind: 0,
                severity: 0,
              }),
            ),
          )
          .toSorted();
      const rested = live.map((each) => ({
        ...each,
        from: ['inactive', 'resolved'].includes((each as { from: string }).from)
          ? 'rest'
          : (each as { from: string }).from,
      }));
      expect(order(replayed)).toEqual(order(rested));
      compared += live.length;
    }
    expect(compared).toBeGreaterThan(10);
  });

  it('matches whole traces of the past as it did live, and none by what came after its window', async () => {
    const rule = (await world.rules.list(1)).find(({ name }) => name === 'loop')!;
    const seen = [
      { at: 310, from: 'inactive', to: 'firing' },
      { at: 370, from: 'firing', to: 'resolved' },
    ];
    expect(await live(rule.id)).toEqual(seen);
    const { transitions, result } = await backtest.run(1, rule, BEGAN_MS, END_MS, undefined, END_MS);
    expect(transitions.map(({ atMs, from, to }) => ({ at: (atMs - BEGAN_MS) / 1_000, from, to }))).toEqual(seen);
    expect(result).toMatchObject({
      firings: 1,
      firingSeconds: 60,
      shown: [{ labels: { service: 'cart', operation: 'Get' } }],
    });
  });

  it('looks at nothing that is newer than the instant: a replay that ends earlier comes to the same until then', async () => {
    let compared = 0;
    for (const rule of await world.rules.list(1)) {
      const upTo = async (endMs: number) =>
        (await backtest.run(1, rule, BEGAN_MS, endMs, undefined, END_MS)).transitions.map(
          ({ atMs, from, to, reason, alertId, snapshot }) => ({
            atMs,
            from,
            to,
            reason,
            alertId,
            figures: snapshot.figures,
          }),
        );
      const whole = await upTo(END_MS);
      for (const windows of [12, 33, 56, 58, 61, 80, 97, 121]) {
        const endMs = BEGAN_MS + windows * 10_000;
        const some = await upTo(endMs);
        expect(some).toEqual(whole.filter(({ atMs }) => atMs <= endMs));
        compared += some.length;
      }
    }
    expect(compared).toBeGreaterThan(40);
  });

  it('says how often, for how long, and at which resolution', async () => {
    const rule = (await world.rules.list(1)).find(({ name }) => name === 'slow')!;
    const { result } = await backtest.run(1, rule, BEGAN_MS, END_MS, undefined, END_MS);
    expect(result).toMatchObject({ resolution: '10s', notes: [], incidents: { caught: [], missed: [] } });
    expect(result.firings).toBe(3);
    const coarse = await backtest.run(1, rule, BEGAN_MS, END_MS, undefined, END_MS + 30 * 86_400_000);
    expect(coarse.result).toMatchObject({ resolution: '1m', firings: 3 });
    expect(coarse.result.notes[0]).toContain('once a minute');
  });

  it('of more than fits into memory says what would fit', async () => {
    const rule = (await world.rules.list(1)).find(({ name }) => name === 'gone')!;
    await world.db.query(
      `insert into operations (tenant_id, service_id, kind, name) select 1, min(id), 3, 'other ' || i from services, generate_series(1, 600) i group by i`,
    );
    const id = await backtest.start(1, rule, END_MS - 7 * 86_400_000, END_MS);
    const store = new BacktestStore(world.db);
    let job = await store.get(1, id);
    for (let i = 0; i < 200 && job.state === 'running'; i++) {
      await new Promise((resolve) => setTimeout(resolve, 25));
      job = await store.get(1, id);
    }
    await world.db.query(`delete from operations where kind = 3`);
    expect(job).toMatchObject({ state: 'failed', error: expect.stringContaining('can be replayed for 505') });
  });

  it('is a job with progress and a result', async () => {
    const rule = (await world.rules.list(1)).find(({ name }) => name === 'gone')!;
    const id = await backtest.start(1, rule, BEGAN_MS, END_MS);
    const store = new BacktestStore(world.db);
    let job = await store.get(1, id);
    for (let i = 0; i < 200 && job.state === 'running'; i++) {
      await new Promise((resolve) => setTimeout(resolve, 25));
      job = await store.get(1, id);
    }
    expect(job).toMatchObject({ state: 'done', progress: 1, error: null, result: { firings: 1 } });
    await expect(store.get(2, id)).rejects.toMatchObject({ status: 404 });
  });
});
