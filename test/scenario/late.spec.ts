import { describe, expect, it } from '@jest/globals';
import { BaselineWorker } from '../../src/baseline/baseline.worker.js';
import { DetectWorker } from '../../src/detect/detect.worker.js';
import { IncidentWorker } from '../../src/incident/incident.worker.js';
import { MeasureWorker } from '../../src/measure/measure.worker.js';
import type { StructuralSpan } from '../../src/model/span.js';
import { floorHour, MINUTE_MS, WINDOW_MS } from '../../src/model/window.js';
import { RankWorker } from '../../src/rank/rank.worker.js';
import { StageRunner } from '../../src/stage-runner.js';
import { AnomalyStore } from '../../src/store/anomaly.store.js';
import { BaselineStore } from '../../src/store/baseline.store.js';
import { CompactionStore } from '../../src/store/compaction.store.js';
import { CursorStore } from '../../src/store/cursor.store.js';
import { EventStore } from '../../src/store/event.store.js';
import { IncidentStore } from '../../src/store/incident.store.js';
import { KnowledgeStore } from '../../src/store/knowledge.store.js';
import { OutlierStore } from '../../src/store/outlier.store.js';
import { RecentStore } from '../../src/store/recent.store.js';
import { ReopenedStore } from '../../src/store/reopened.store.js';
import { RollupStore } from '../../src/store/rollup.store.js';
import { SeasonStore } from '../../src/store/season.store.js';
import { VersionStore } from '../../src/store/version.store.js';
import { createTestDatabase, type TestDatabase } from '../support/database.js';
import { openJournal, store, type TestJournal } from '../support/journal.js';
import { encodeRequest, text } from '../support/otlp-proto.js';
import { shopOperations, shopTraffic } from '../support/shop.js';

const T0 = floorHour(Date.now()) - 60 * MINUTE_MS;
const MINUTES = 7;
/** The index is slow from here on; nothing but the search waits for it. */
const BEGAN = T0 + 4 * MINUTE_MS;
const NO_BELL = { ring: async () => undefined };
const TENANT = 1;

const windows = [
  ...shopTraffic({
    fromMs: T0,
    toMs: T0 + MINUTES * MINUTE_MS,
    perWindow: 10,
    faults: [{ kind: 'slow', service: 'index', factor: 10, fromMs: BEGAN, toMs: BEGAN + 2 * MINUTE_MS }],
  }),
];
const serviceOf = ({ operationId }: StructuralSpan): string => shopOperations().get(operationId)!.service;
const isSearch = (span: StructuralSpan): boolean => ['search', 'index'].includes(serviceOf(span));

interface Story {
  incidents: { opened: number; blames: string; affected: string[] }[];
  /** Spans of the search that came late, as the rollups say. */
  lateN: number;
  n: number;
}

/** Lives through the shop's minutes, the spans of the search `late` windows after the others; every third window is another process's. */
async function live(name: string, late: number): Promise<Story> {
  const database: TestDatabase = await createTestDatabase(name);
  const journal = await openJournal(database.url);
  try {
    let stages = stagesOf(journal);
    for (const [i, { windowAtMs, spans }] of windows.entries()) {
      const came = [
        ...spans.filter((span) => !isSearch(span)),
        ...(windows[i - late]?.spans.filter((span) => isSearch(span)) ?? []),
      ];
      await store(journal, requestOf(came), TENANT);
      await journal.db.query(`update tenant_clocks set closed_through = $1`, [new Date(windowAtMs + WINDOW_MS)]);
      if (i % 3 === 0) stages = stagesOf(journal);
      await stages.work();
    }
    return await storyOf(journal);
  } finally {
    await journal.close();
    await database.drop();
  }
}

function stagesOf({ db, reader, logReader, config }: TestJournal): { work(): Promise<void> } {
  const cursors = new CursorStore(db);
  const runner = new StageRunner(db, cursors, NO_BELL as never);
  const [rollups, events, anomalies] = [new RollupStore(db), new EventStore(db), new AnomalyStore(db)];
  const [compactions, incidents, seasons] = [
    new CompactionStore(db),
    new IncidentStore(db),
    new SeasonStore(db, config),
  ];
  const [recent, baselines] = [new RecentStore(db, rollups), new BaselineStore(db, events)];
  const knowledge = new KnowledgeStore(db, anomalies, baselines, events);
  const reopened = new ReopenedStore(db, rollups, compactions);
  const versions = new VersionStore(db);
  const workers = {
    measure: new MeasureWorker(runner, reader, logReader, rollups, events, reopened, versions, compactions),
    detect: new DetectWorker(runner, recent, knowledge, anomalies, seasons, new OutlierStore(db)),
    rank: new RankWorker(runner, recent, knowledge, anomalies),
    incident: new IncidentWorker(runner, rollups, anomalies, incidents),
    baseline: new BaselineWorker(runner, recent, knowledge, anomalies, incidents, baselines, seasons),
  };
  const isOurs = (job: string): job is keyof typeof workers => job in workers;
  return {
    work: async () => {
      for (;;) {
        const job = (await cursors.due()).map((due) => due.job).find(isOurs);
        if (job === undefined) return;
        await workers[job].run(TENANT);
      }
    },
  };
}

async function storyOf({ db }: TestJournal): Promise<Story> {
  const incidents = await db.query<{ opened_at: Date; cause: string; affected: string[] }[]>(
    `select opened_at, causes -> 0 ->> 'service' as cause,
            array(select distinct each ->> 'service' from jsonb_array_elements(affected) as each order by 1) as affected
       from incidents order by opened_at`,
  );
  const [rollups] = await db.query<[{ late: string; n: string }]>(
    `select sum(late_n) as late, sum(r.n) as n from rollups r join operations o on o.id = r.operation_id
       join services s on s.id = o.service_id where s.name in ('search', 'index')`,
  );
  const after = (at: Date): number => (at.getTime() - BEGAN) / 1_000;
  return {
    incidents: incidents.map(({ opened_at, cause, affected }) => ({
      opened: after(opened_at),
      blames: cause,
      affected,
    })),
    lateN: Number(rollups.late),
    n: Number(rollups.n),
  };
}

function requestOf(spans: readonly StructuralSpan[]): Buffer {
  const services = [...new Set(spans.map(serviceOf))];
  const nano = (us: number): string => String(BigInt(Math.round(us)) * 1_000n);
  return encodeRequest(
    services.map((service) => ({
      resource: { attributes: [text('service.name', service)] },
      scopeSpans: [
        {
          spans: spans
            .filter((span) => serviceOf(span) === service)
            .map((span) => ({
              traceId: Buffer.from(span.traceId, 'hex'),
              spanId: Buffer.from(span.spanId, 'hex'),
              ...(span.parentSpanId === '' ? {} : { parentSpanId: Buffer.from(span.parentSpanId, 'hex') }),
              name: shopOperations().get(span.operationId)!.name,
              kind: span.kind,
              startTimeUnixNano: nano(span.startUs),
              endTimeUnixNano: nano(span.endUs),
              ...(span.isError ? { status: { code: 2 } } : {}),
            })),
        },
      ],
    })),
  );
}

describe('services whose spans come after their windows were judged', () => {
  it('are judged a minute after the others and blamed like them, whoever works and whatever it remembers', async () => {
    const inTime = await live('in_time', 0);
    expect(inTime).toMatchObject({ lateN: 0, incidents: [{ blames: 'index' }] });
    const late = await live('late', 3);
    expect(late.lateN).toBeGreaterThan(late.n * 0.7);
    expect(late.incidents).toEqual(inTime.incidents.map((each) => ({ ...each, opened: each.opened + 60 })));
  }, 180_000);
});
