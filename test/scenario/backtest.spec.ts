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
  const windows = Array.from({ length: WINDOWS }, (_, i): Did[] | null => {
    if (i % 41 === 40) return null;
    const bad = i % 50 > 30;
    const cart: Did = {
      service: 'cart',
      operation: 'Get',
      n: 20 + (i % 7),
      ms: bad ? 500 : 100,
      errors: i % 60 > 50 ? 9 : 0,
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

  it('says how often, for how long, and at which resolution', async () => {
    const rule = (await world.rules.list(1)).find(({ name }) => name === 'slow')!;
    const { result } = await backtest.run(1, rule, BEGAN_MS, END_MS, undefined, END_MS);
    expect(result).toMatchObject({ resolution: '10s', notes: [], incidents: { caught: [], missed: [] } });
    expect(result.firings).toBe(3);
    const coarse = await backtest.run(1, rule, BEGAN_MS, END_MS, undefined, END_MS + 30 * 86_400_000);
    expect(coarse.result).toMatchObject({ resolution: '1m', firings: 3 });
    expect(coarse.result.notes[0]).toContain('once a minute');
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
