import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Redis } from 'ioredis';
import { setTimeout as sleep } from 'node:timers/promises';
import { MINUTE_MS, floorMinute } from '../../src/model/window.js';
import { createTestDatabase } from '../support/database.js';
import { type ResourceOf, sendSpans } from '../support/otlp-sender.js';
import { type Service, startService } from '../support/service.js';
import { mulberry32, shopOperations, shopTraffic } from '../support/shop.js';
import { type Sink, startSink } from '../support/sink.js';

/** Twenty-two minutes of the shop that end now; at minute 8 cart slows down, at minute 12 it is well again. */
const MINUTES = 22;

interface Incident {
  state: string;
  startedAt: string;
  openedAt: string;
  resolvedAt: string | null;
  causes: { service: string; operation: string; score: number }[];
}

interface Message {
  type: string;
  data: { incident: { correlations: { service: string; key: string; value: string; isNew: boolean }[] } };
}

describe('the running service, from OTLP to webhook', () => {
  const start = floorMinute(Date.now()) - MINUTES * MINUTE_MS;
  const windows = [
    ...shopTraffic({
      fromMs: start,
      toMs: start + MINUTES * MINUTE_MS,
      perWindow: 10,
      faults: [
        { kind: 'slow', service: 'cart', factor: 10, fromMs: start + 8 * MINUTE_MS, toMs: start + 12 * MINUTE_MS },
      ],
    }),
  ];
  let sink: Sink;
  beforeAll(async () => {
    sink = await startSink();
  });
  afterAll(() => sink.close());

  interface Trouble {
    /** At these windows the service is killed and started again. */
    killsAt?: readonly number[];
    redisUrl?: string;
    /** At these windows Redis loses everything. */
    flushesAt?: readonly number[];
  }

  /** Lives through the shop's day on a database of its own. */
  async function live(
    name: string,
    { killsAt = [], redisUrl, flushesAt = [] }: Trouble,
  ): Promise<{ incidents: Incident[]; messages: string[]; opening: unknown }> {
    const database = await createTestDatabase(name);
    const env = { OUTBOUND_ALLOW: '127.0.0.0/8', ...(redisUrl === undefined ? {} : { REDIS_URL: redisUrl }) };
    const redis = redisUrl === undefined ? null : new Redis(redisUrl);
    let service: Service = await startService({ databaseUrl: database.url, env });
    const { otlpPort, apiPort } = portsOf(service);
    try {
      await json(`${service.apiUrl}/api/v1/channels`, { name: 'sink', type: 'webhook', url: `${sink.url}/${name}` });
      let restarted: Promise<void> = Promise.resolve();
      for (const [i, { spans }] of windows.entries()) {
        const sending = sendSpans(
          () => service.otlpUrl,
          spans,
          shopOperations(),
          deployed(start + 8 * MINUTE_MS - 30_000),
        );
        if (killsAt.includes(i)) {
          await service.kill();
          restarted = startService({
            databaseUrl: database.url,
            env: { ...env, OTLP_HTTP_PORT: otlpPort, API_PORT: apiPort },
          }).then((again) => void (service = again));
        }
        if (flushesAt.includes(i)) await redis?.flushall();
        await sending;
        await restarted;
      }
      await processed(service.apiUrl, windows.at(-2)!.windowAtMs);
      const { incidents } = await json<{ incidents: Incident[] }>(`${service.apiUrl}/api/v1/incidents`);
      const told = sink.at(`/${name}`).map(({ body }) => JSON.parse(body) as Message);
      const opening = told.find(({ type }) => type === 'incident.opened')?.data.incident.correlations;
      return { incidents, messages: told.map(({ type }) => type), opening };
    } finally {
      await service.stop();
      redis?.disconnect();
      await database.drop();
    }
  }

  let undisturbed: Awaited<ReturnType<typeof live>>;

  it('opens one incident, blames cart first, tells once, and tells once more when it is over', async () => {
    undisturbed = await live('undisturbed', {});
    expect(undisturbed.incidents).toHaveLength(1);
    const [incident] = undisturbed.incidents;
    expect(incident!.causes[0]).toMatchObject({ service: 'cart', operation: 'GetCart' });
    const noticedMs = Date.parse(incident!.openedAt) - (start + 8 * MINUTE_MS);
    expect(noticedMs).toBeGreaterThan(0);
    expect(noticedMs).toBeLessThanOrEqual(60_000);
    expect(incident!.state).toBe('resolved');
    expect(undisturbed.messages.filter((type) => type !== 'incident.escalated')).toEqual([
      'incident.opened',
      'incident.resolved',
    ]);
  }, 120_000);

  it('says in the opening message that the version is new which all slow traces went through', () => {
    expect(undisturbed.opening).toEqual([
      expect.objectContaining({ service: 'cart', key: 'service.version', value: '2.4.1', isNew: true, badShare: 1 }),
    ]);
  });

  it('comes to the same incidents and messages when it is killed three times on the way', async () => {
    const random = mulberry32(7);
    const kills = [20, 50, 75].map((from) => from + Math.floor(random() * 15));
    const killed = await live('killed', { killsAt: kills });
    expect(killed.incidents.map(essence)).toEqual(undisturbed.incidents.map(essence));
    expect(killed.messages).toEqual(undisturbed.messages);
    expect(killed.opening).toEqual(undisturbed.opening);
  }, 180_000);

  const redisUrl = process.env['TEST_REDIS_URL'];
  (redisUrl === undefined ? it.skip : it)(
    'comes to the same with its queue on Redis, also when Redis loses everything three times',
    async () => {
      const flushed = await live('flushed', { redisUrl: redisUrl!, flushesAt: [30, 60, 90] });
      expect(flushed.incidents.map(essence)).toEqual(undisturbed.incidents.map(essence));
      expect(flushed.messages).toEqual(undisturbed.messages);
    },
    180_000,
  );
});

function essence({ state, startedAt, openedAt, resolvedAt, causes }: Incident): unknown {
  return {
    state,
    startedAt,
    openedAt,
    resolvedAt,
    causes: causes.map((c) => [c.service, c.operation, c.score.toFixed(6)]),
  };
}

/** Three pods of cart, all of which run a new version from then on. */
function deployed(atMs: number): ResourceOf {
  return (service, span): Record<string, string> => {
    if (service !== 'cart') return {};
    const pod = `cart-${parseInt(span.traceId.slice(0, 4), 16) % 3}`;
    return { 'service.version': span.endUs < atMs * 1_000 ? '2.4.0' : '2.4.1', 'k8s.pod.name': pod };
  };
}

function portsOf(service: Service): { otlpPort: string; apiPort: string } {
  return { otlpPort: new URL(service.otlpUrl).port, apiPort: new URL(service.apiUrl).port };
}

async function json<T>(url: string, body?: unknown): Promise<T> {
  const answer = await fetch(url, {
    method: body === undefined ? 'GET' : 'POST',
    headers: { 'content-type': 'application/json' },
    body: body === undefined ? undefined : JSON.stringify(body),
  });
  if (!answer.ok) throw new Error(`${url} answered ${answer.status}: ${await answer.text()}`);
  return (await answer.json()) as T;
}

/** Waits until every stage is through `throughMs` and every message is on its way or delivered. */
async function processed(apiUrl: string, throughMs: number): Promise<void> {
  interface Pipeline {
    stages: { incident: string | null };
    undecidedEvents: number;
    pendingNotifications: number;
  }
  for (let i = 0; i < 600; i++) {
    const { stages, undecidedEvents, pendingNotifications } = await json<Pipeline>(`${apiUrl}/api/v1/pipeline`);
    const isThrough = stages.incident !== null && Date.parse(stages.incident) >= throughMs;
    if (isThrough && undecidedEvents === 0 && pendingNotifications === 0) return;
    await sleep(100);
  }
  throw new Error('the pipeline did not come to an end within 60 s');
}
