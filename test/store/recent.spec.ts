import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { DataSource } from 'typeorm';
import { learn as fold } from '../../src/baseline/learn.js';
import { type Baselines, emptyOperationBaseline } from '../../src/model/baseline.js';
import { Histogram } from '../../src/model/histogram.js';
import { emptyRollup, type WindowMeasure } from '../../src/model/rollup.js';
import { MINUTE_MS, WINDOW_MS } from '../../src/model/window.js';
import { DEFAULT_POLICY } from '../../src/model/policy.js';
import { AnomalyStore } from '../../src/store/anomaly.store.js';
import { BaselineStore } from '../../src/store/baseline.store.js';
import { EventStore } from '../../src/store/event.store.js';
import { KnowledgeStore } from '../../src/store/knowledge.store.js';
import { RecentStore } from '../../src/store/recent.store.js';
import { RollupStore } from '../../src/store/rollup.store.js';
import { createOneOperation, type OneOperation } from '../support/one-operation.js';

const FIRST = Date.parse('2026-03-02T09:00:00Z');
const TENANT = 7;
const at = (no: number): number => FIRST + no * WINDOW_MS;

describe('what is held of recent windows and baselines', () => {
  let world: OneOperation;
  let db: DataSource;
  let rollups: RollupStore;
  let baselines: BaselineStore;
  let operationId: number;
  const fresh = (): RecentStore => new RecentStore(db, rollups);
  const knowing = (): KnowledgeStore => new KnowledgeStore(db, new AnomalyStore(db), baselines, new EventStore(db));

  beforeAll(async () => {
    world = await createOneOperation('recent');
    ({ db, operationId } = world);
    rollups = new RollupStore(db);
    baselines = new BaselineStore(db, new EventStore(db));
  });
  afterAll(() => world.drop());
  beforeEach(async () => {
    await db.query(
      'truncate rollups, edge_rollups, event_rollups, window_totals, baselines, stage_cursors, event_templates',
    );
  });

  const measured = (windowAtMs: number, n: number): WindowMeasure => {
    const latency = new Histogram();
    latency.add(1000, n);
    const rollup = { ...emptyRollup(operationId, windowAtMs), n, latency };
    return { windowAtMs, n, traces: n, sampledTraces: n, duplicateSpans: 0, rollups: [rollup], edges: [], events: [] };
  };
  const measure = (no: number, n: number): Promise<void> =>
    db.transaction((tx) => rollups.replace(tx, TENANT, [measured(at(no), n)]));
  const learn = (throughMs: number, n: number): Promise<void> =>
    db.transaction(async (tx) => {
      const operations = new Map([[operationId, { ...emptyOperationBaseline(), n }]]);
      const changed = { operations: new Set([operationId]), edges: new Set<string>(), events: new Set<string>() };
      await baselines.save(tx, TENANT, throughMs, { operations, edges: new Map() }, changed);
      await tx.query(
        `insert into stage_cursors (tenant_id, stage, done_through) values ($1, 'baseline', $2)
         on conflict (tenant_id, stage) do update set done_through = excluded.done_through`,
        [TENANT, new Date(throughMs)],
      );
    });

  it('reads a window once, and again when it was measured again: late spans, another process', async () => {
    const [one, other] = [fresh(), fresh()];
    for (const no of [0, 1, 2]) await measure(no, 10 + no);
    const before = await one.load(TENANT, at(0), at(3));
    expect(before).toEqual(await rollups.load(TENANT, at(0), at(3)));
    await other.load(TENANT, at(0), at(3));
    await measure(1, 99);
    await measure(3, 13);
    for (const recent of [one, other]) {
      const after = await recent.load(TENANT, at(1), at(4));
      expect(after).toEqual(await rollups.load(TENANT, at(1), at(4)));
      expect(after.map(({ n }) => n)).toEqual([99, 12, 13]);
    }
    const again = await one.load(TENANT, at(0), at(4));
    expect(again[0]).toBe(before[0]);
    expect(again[1]).not.toBe(before[1]);
  });

  it('knows nothing of windows that were not measured, until they are', async () => {
    const recent = fresh();
    expect((await recent.load(TENANT, at(0), at(2))).map(({ n }) => n)).toEqual([0, 0]);
    await measure(1, 5);
    expect((await recent.load(TENANT, at(0), at(2))).map(({ n }) => n)).toEqual([0, 5]);
  });

  it('reads baselines again when more was learned, and only then', async () => {
    const knowledge = knowing();
    const operationsOf = async (tenantId = TENANT) => (await knowledge.about(tenantId, [])).baselines.operations;
    expect((await operationsOf()).size).toBe(0);
    await learn(FIRST, 30);
    const first = await operationsOf();
    expect(first.get(operationId)?.n).toBe(30);
    expect(await operationsOf()).toBe(first);
    await learn(FIRST + MINUTE_MS, 60);
    expect((await operationsOf()).get(operationId)?.n).toBe(60);
    expect((await operationsOf(TENANT + 1)).size).toBe(0);
  });

  it('finds an operation that turns up in a window, and a template that is new or wider', async () => {
    const knowledge = knowing();
    const events = new EventStore(db);
    const template = { id: 5, serviceId: 1, source: 'log' as const, severity: 17, text: 'no route to <*>' };
    const before = await knowledge.about(TENANT, []);
    const [another] = await db.query(
      `insert into operations (tenant_id, service_id, kind, name)
       select tenant_id, service_id, 2, 'PutCart' from operations where id = $1 returning id`,
      [operationId],
    );
    await events.saveTemplates(TENANT, [template], FIRST);
    expect((await knowledge.about(TENANT, [measured(FIRST, 1)])).operations).toBe(before.operations);
    const window = measured(FIRST, 1);
    const after = await knowledge.about(TENANT, [
      { ...window, rollups: [{ ...window.rollups[0]!, operationId: another.id }] },
    ]);
    expect(after.operations.get(another.id)?.name).toBe('PutCart');
    expect([...after.baselines.events!.templates.values()]).toEqual([template]);
    await events.saveTemplates(TENANT, [{ ...template, text: 'no <*> to <*>' }], FIRST);
    const wider = await knowledge.about(TENANT, []);
    expect(wider.baselines.events!.templates.get(5)?.text).toBe('no <*> to <*>');
  });
});

describe('learning on', () => {
  let world: OneOperation;
  let db: DataSource;
  let rollups: RollupStore;
  let baselines: BaselineStore;
  beforeAll(async () => {
    world = await createOneOperation('learning_on');
    ({ db } = world);
    rollups = new RollupStore(db);
    baselines = new BaselineStore(db, new EventStore(db));
  });
  afterAll(() => world.drop());

  it('from memory is learning on from the tables, whatever was not seen or kept from learning meanwhile', async () => {
    const kept = new KnowledgeStore(db, new AnomalyStore(db), baselines, new EventStore(db));
    let seed = 1;
    const random = (): number => (seed = (seed * 48_271) % 2_147_483_647) / 2_147_483_647;
    const window = (atMs: number): WindowMeasure => {
      // The fourth is seen in the first minutes only, the third now and then.
      const seen = [1, 2, 3, 4].filter((id) => id < 3 || (id === 3 ? random() < 0.1 : atMs < FIRST + 4 * MINUTE_MS));
      const its = seen.map((id) => {
        const n = 1 + Math.floor(random() * 40);
        const latency = new Histogram();
        for (let i = 0; i < n; i++) latency.add(1_000 * (1 + random() * id));
        const shapes = new Map([10, 9, 100].map((shape) => [`${shape}`, 1 + Math.floor(random() * 3)]));
        const errors = random() < 0.2 ? 1 : 0;
        return { ...emptyRollup(id, atMs), n, errors, entries: n, latency, selfTime: latency, sampledN: n, shapes };
      });
      const calls = { callerId: 2, calleeId: 1, windowAtMs: atMs, calls: 3, errors: 0, gap: its[0]!.latency };
      const n = its.reduce((sum, rollup) => sum + rollup.n, 0);
      const totals = { n, traces: n, sampledTraces: n, duplicateSpans: 0 };
      return { windowAtMs: atMs, ...totals, rollups: its, edges: [calls], events: [] };
    };
    for (let minute = 0; minute < 90; minute++) {
      const fromMs = FIRST + minute * MINUTE_MS;
      const windows = [0, 1, 2, 3, 4, 5].map((no) => window(fromMs + no * WINDOW_MS));
      // A minute of which nothing is known, and one in which two are kept from learning.
      if (minute !== 30) await db.transaction((tx) => rollups.replace(tx, world.tenantId, windows));
      const excluded = new Set(minute % 7 === 5 ? [2, 4] : []);
      const taken = await kept.take(world.tenantId, fromMs, []);
      if (minute % 15 === 14) {
        const read = await baselines.load(world.tenantId, fromMs);
        expect(flat(read)).toEqual(flat(taken.baselines));
        expect(read.operations.get(4)!.windows).toBeLessThan(360);
      }
      const learned = fold(taken.baselines, minute === 30 ? [] : windows, excluded, DEFAULT_POLICY);
      await db.transaction((tx) => baselines.save(tx, world.tenantId, fromMs + MINUTE_MS, taken.baselines, learned));
      kept.keep(world.tenantId, fromMs + MINUTE_MS, taken);
    }
  });

  /** In order, and to the last digit. */
  const flat = ({ operations, edges }: Pick<Baselines, 'operations' | 'edges'>): unknown =>
    JSON.parse(
      JSON.stringify([[...operations], [...edges]], (_, value: unknown) =>
        value instanceof Histogram
          ? Buffer.from(value.encode()).toString('hex')
          : value instanceof Map
            ? [...(value as Map<string, number>)]
            : value,
      ),
    );
});
