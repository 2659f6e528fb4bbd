import { describe, expect, it } from '@jest/globals';
import { setTimeout as sleep } from 'node:timers/promises';
import { PureRun } from '../../eval/pure-run.js';
import type { Operation } from '../../src/model/operation.js';
import { KIND_CLIENT, KIND_CONSUMER, KIND_PRODUCER, KIND_SERVER, type StructuralSpan } from '../../src/model/span.js';
import { floorMinute, MINUTE_MS, WINDOW_MS, windowOf } from '../../src/model/window.js';
import { createTestDatabase } from '../support/database.js';
import { sendSpans } from '../support/otlp-sender.js';
import { startService } from '../support/service.js';
import { mulberry32 } from '../support/shop.js';

/** api takes orders and publishes them; mailer takes each up in a trace of its own, which has no parent and only links to the publication. */
const OPERATIONS = new Map<number, Operation>(
  (
    [
      [1, 1, 'api', 'POST /order', KIND_SERVER],
      [2, 1, 'api', 'publish orders', KIND_PRODUCER],
      [3, 2, 'mailer', 'handle order', KIND_CONSUMER],
      [4, 2, 'mailer', 'SEND mail', KIND_CLIENT],
      [5, 1, 'api', 'GET /product', KIND_SERVER],
    ] as const
  ).map(([id, serviceId, service, name, kind]) => [id, { id, serviceId, service, name, kind }]),
);
const PER_WINDOW = 10;

interface Fault {
  kind: 'mailer slow' | 'mailer fails' | 'api silent';
  fromMinute: number;
  toMinute: number;
}

/** Spans by the window in which they end. */
function traffic(
  fromMs: number,
  minutes: number,
  faults: readonly Fault[],
): { windowAtMs: number; spans: StructuralSpan[] }[] {
  const random = mulberry32(1);
  const hex = (length: number): string => Array.from({ length }, () => Math.floor(random() * 16).toString(16)).join('');
  const windows = new Map<number, StructuralSpan[]>();
  for (let atMs = fromMs; atMs < fromMs + minutes * MINUTE_MS; atMs += WINDOW_MS) windows.set(atMs, []);
  const add = (
    operationId: number,
    ids: Pick<StructuralSpan, 'traceId' | 'spanId'>,
    startUs: number,
    us: number,
    more: Partial<StructuralSpan> = {},
  ): void => {
    const { serviceId, kind } = OPERATIONS.get(operationId)!;
    const [start, end] = [Math.round(startUs), Math.round(startUs + us)];
    const span = {
      ...ids,
      parentSpanId: '',
      operationId,
      serviceId,
      kind,
      startUs: start,
      endUs: end,
      isError: false,
      ...more,
    };
    windows.get(windowOf(end / 1_000))?.push(span);
  };
  const scattered = (us: number): number => us * Math.exp((random() + random() + random() - 1.5) * 0.5);
  for (const atMs of [...windows.keys()]) {
    const minute = (atMs - fromMs) / MINUTE_MS;
    const isOn = (kind: Fault['kind']): boolean =>
      faults.some((fault) => fault.kind === kind && minute >= fault.fromMinute && minute < fault.toMinute);
    for (let i = 0; i < PER_WINDOW; i++) {
      const startUs = (atMs + random() * WINDOW_MS) * 1_000;
      add(5, { traceId: hex(32), spanId: hex(16) }, startUs, scattered(5_000));
      const order = { traceId: hex(32), spanId: hex(16) };
      const publication = { traceId: order.traceId, spanId: hex(16) };
      add(1, order, startUs, scattered(20_000));
      if (isOn('api silent')) continue;
      add(2, publication, startUs + 5_000, 1_000, { parentSpanId: order.spanId });
      const handling = { traceId: hex(32), spanId: hex(16) };
      const handledUs = scattered(30_000) * (isOn('mailer slow') ? 10 : 1);
      const isError = isOn('mailer fails') && random() < 0.6;
      add(3, handling, startUs + 50_000, handledUs, { links: [publication], isError });
      add(4, { traceId: handling.traceId, spanId: hex(16) }, startUs + 55_000, scattered(8_000), {
        parentSpanId: handling.spanId,
      });
    }
  }
  return [...windows].map(([windowAtMs, spans]) => ({ windowAtMs, spans }));
}

describe('work that is only linked to the request that caused it', () => {
  const table: { fault: Fault['kind']; first: string }[] = [
    { fault: 'mailer slow', first: 'mailer' },
    { fault: 'mailer fails', first: 'mailer' },
    { fault: 'api silent', first: 'api' },
  ];
  it.each(table)('$fault: one incident, $first first, in each window', ({ fault, first }) => {
    const run = new PureRun(OPERATIONS);
    const firsts = new Set<string>();
    for (const { windowAtMs, spans } of traffic(0, 20, [{ kind: fault, fromMinute: 10, toMinute: 14 }])) {
      for (const { incident } of run.feed(windowAtMs, spans)) firsts.add(incident.causes[0]!.service);
    }
    expect([...firsts]).toEqual([first]);
    expect(run.incidents.size).toBe(1);
    const affected = [...run.incidents.values()][0]!.affected.map(({ service }) => service);
    if (fault === 'api silent') expect(new Set(affected)).toEqual(new Set(['api', 'mailer']));
  });

  it('from OTLP to incidents: a slow consumer, and a silent producer whose consumer has nothing to do', async () => {
    const minutes = 21;
    const fromMs = floorMinute(Date.now()) - minutes * MINUTE_MS;
    const faults: Fault[] = [
      { kind: 'mailer slow', fromMinute: 8, toMinute: 10 },
      { kind: 'api silent', fromMinute: 15, toMinute: 18 },
    ];
    const database = await createTestDatabase('links');
    const service = await startService({ databaseUrl: database.url });
    try {
      const windows = traffic(fromMs, minutes, faults);
      for (const { spans } of windows) await sendSpans(() => service.otlpUrl, spans, OPERATIONS);
      await processed(service.apiUrl, windows.at(-2)!.windowAtMs);
      const { incidents } = await json<{ incidents: Incident[] }>(`${service.apiUrl}/api/v1/incidents`);
      const minuteOf = (at: string): number => (Date.parse(at) - fromMs) / MINUTE_MS;
      const told = incidents.toSorted((a, b) => (a.openedAt < b.openedAt ? -1 : 1));
      expect(told.map(({ causes }) => causes[0]!.service)).toEqual(['mailer', 'api']);
      expect(told.map(({ openedAt }, i) => minuteOf(openedAt) - faults[i]!.fromMinute <= 1)).toEqual([true, true]);
      expect(new Set(told[1]!.affected.map(({ service }) => service))).toEqual(new Set(['api', 'mailer']));
    } finally {
      await service.stop();
      await database.drop();
    }
  }, 120_000);
});

interface Incident {
  openedAt: string;
  causes: { service: string }[];
  affected: { service: string }[];
}

async function json<T>(url: string): Promise<T> {
  const answer = await fetch(url);
  if (!answer.ok) throw new Error(`${url} answered ${answer.status}: ${await answer.text()}`);
  return (await answer.json()) as T;
}

async function processed(apiUrl: string, throughMs: number): Promise<void> {
  for (let i = 0; i < 600; i++) {
    const { stages } = await json<{ stages: { incident: string | null } }>(`${apiUrl}/api/v1/pipeline`);
    if (stages.incident !== null && Date.parse(stages.incident) >= throughMs) return;
    await sleep(100);
  }
  throw new Error('the pipeline did not come to an end within 60 s');
}
