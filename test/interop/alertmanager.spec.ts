import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createTestDatabase, type TestDatabase } from '../support/database.js';
import { startService, type Service } from '../support/service.js';
import { alertmanager, amtool, itWith, run, startAlertmanager } from './peers.js';

let database: TestDatabase;
let service: Service;

beforeAll(async () => {
  database = await createTestDatabase('alertmanager_api');
  service = await startService({ databaseUrl: database.url });
});
afterAll(async () => {
  await service.stop();
  await database.drop();
});

async function get<T>(path: string): Promise<T> {
  const answer = await fetch(`${service.apiUrl}${path}`);
  expect(answer.status).toBe(200);
  return (await answer.json()) as T;
}

async function post(path: string, body: unknown): Promise<Response> {
  const headers = { 'content-type': 'application/json' };
  return fetch(`${service.apiUrl}${path}`, { method: 'POST', headers, body: JSON.stringify(body) });
}

interface Shown {
  labels: Record<string, string>;
  fingerprint: string;
  status: { state: string; silencedBy: string[] };
  receivers: { name: string }[];
}

/** Asks until routing has taken note of what was sent. */
async function routed(path: string): Promise<Shown[]> {
  for (let attempt = 0; attempt < 100; attempt++) {
    const shown = await get<Shown[]>(path);
    if (shown.length > 0 && shown.every(({ status }) => status.state !== 'unprocessed')) return shown;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error(`${path} shows nothing that is processed`);
}

describe('the API of Alertmanager', () => {
  it('takes alerts, shows them, silences them and lets go of them', async () => {
    const labels = { alertname: 'Down', instance: 'a', 'service.name': 'käse' };
    expect(
      (await post('/api/v2/alerts', [{ labels, annotations: { summary: 'x' }, generatorURL: 'http://g' }])).status,
    ).toBe(200);
    const [alert] = await routed('/api/v2/alerts?filter=alertname%3D%22Down%22');
    expect(alert).toMatchObject({ labels, status: { state: 'active' }, receivers: [{ name: 'everybody' }] });
    expect(alert?.fingerprint).toMatch(/^[0-9a-f]{16}$/);
    expect(await get('/api/v2/alerts?filter=alertname%3DUp')).toEqual([]);
    expect(await get('/api/v2/alerts?receiver=nobody')).toEqual([]);
    expect(await get('/api/v2/alerts/groups')).toMatchObject([
      { labels: { alertname: 'Down' }, receiver: { name: 'everybody' }, alerts: [{ labels }] },
    ]);
    const endsAt = new Date(Date.now() + 3_600_000).toISOString();
    const matchers = [{ name: 'service.name', value: 'k.*', isRegex: true, isEqual: true }];
    const silence = { matchers, startsAt: new Date().toISOString(), endsAt, createdBy: 'me', comment: 'x' };
    const { silenceID } = (await (await post('/api/v2/silences', silence)).json()) as { silenceID: string };
    expect(await get('/api/v2/alerts')).toMatchObject([{ status: { state: 'suppressed', silencedBy: [silenceID] } }]);
    expect(await get('/api/v2/alerts?silenced=false')).toEqual([]);
    expect(await get(`/api/v2/silence/${silenceID}`)).toMatchObject({
      id: silenceID,
      status: { state: 'active' },
      matchers,
    });
    expect((await fetch(`${service.apiUrl}/api/v2/silence/${silenceID}`, { method: 'DELETE' })).status).toBe(200);
    expect(await get('/api/v2/silences')).toMatchObject([{ status: { state: 'expired' } }]);
    const endsNow = {
      labels,
      endsAt: new Date(Date.now() - 1_000).toISOString(),
      startsAt: new Date(Date.now() - 60_000).toISOString(),
    };
    expect((await post('/api/v2/alerts', [endsNow])).status).toBe(200);
    expect(await get('/api/v2/alerts')).toEqual([]);
  });

  it('says that it is well, and refuses what is no alert or no silence', async () => {
    expect(await (await fetch(`${service.apiUrl}/-/ready`)).text()).toBe('OK');
    expect(await get('/api/v2/status')).toMatchObject({
      cluster: { status: 'disabled' },
      versionInfo: { version: 'tracehound' },
    });
    expect(await get('/api/v2/receivers')).toEqual([{ name: 'everybody' }]);
    expect((await post('/api/v2/alerts', [{ labels: {} }])).status).toBe(400);
    expect((await post('/api/v2/silences', { matchers: [] })).status).toBe(400);
    expect((await fetch(`${service.apiUrl}/api/v2/alerts?filter=%3D`)).status).toBe(400);
    expect((await fetch(`${service.apiUrl}/api/v2/silence/0b54a7a6-8d4e-4e63-9be6-0c7d7f6f1a11`)).status).toBe(404);
  });
});

describe('errors of the API of Alertmanager', () => {
  it.each([
    ['GET', '/api/v2/alerts?filter=bad', undefined, /^filter: expected =/],
    ['GET', '/api/v2/alerts?receiver=%5B', undefined, /^receiver: /],
    ['POST', '/api/v2/silences', {}, /^matchers: is missing/],
    ['GET', '/api/v2/nothing', undefined, /^there is no GET/],
  ])('%s %s is answered with a text, as there', async (method, path, body, expected) => {
    const headers = { 'content-type': 'application/json' };
    const answer = await fetch(`${service.apiUrl}${path}`, {
      method,
      ...(body !== undefined && { headers, body: JSON.stringify(body) }),
    });
    expect(answer.headers.get('content-type')).toContain('application/json');
    expect(await answer.json()).toEqual(expect.stringMatching(expected));
  });
});

describe('amtool', () => {
  // Its standard error, which says that its version is not ours, comes with the rest.
  const ask = async (...args: string[]) => {
    const said = await run(amtool!, [`--alertmanager.url=${service.apiUrl}`, ...args]);
    return said.replaceAll(/^Warning: amtool version .*$/gm, '').trim();
  };

  itWith({ amtool })('adds an alert, silences it, prolongs the silence, and ends it', async () => {
    await ask('alert', 'add', 'alertname=FromAmtool', 'node=one', '--annotation=summary=hello');
    await routed('/api/v2/alerts?filter=alertname%3DFromAmtool');
    expect(JSON.parse(await ask('alert', 'query', '-o', 'json', 'node=one'))).toMatchObject([
      {
        labels: { alertname: 'FromAmtool', node: 'one' },
        annotations: { summary: 'hello' },
        status: { state: 'active' },
      },
    ]);
    const id = await ask('silence', 'add', 'node=~"o.*"', '--comment=why', '--author=me', '--duration=1h');
    expect(id).toMatch(/^[0-9a-f-]{36}$/);
    expect(JSON.parse(await ask('silence', 'query', '-o', 'json'))).toMatchObject([
      {
        id,
        comment: 'why',
        createdBy: 'me',
        status: { state: 'active' },
        matchers: [{ name: 'node', value: 'o.*', isRegex: true }],
      },
    ]);
    expect(await ask('alert', 'query', '-o', 'simple')).not.toContain('FromAmtool');
    expect(await ask('alert', 'query', '--silenced', '-o', 'simple')).toContain('FromAmtool');
    await ask('silence', 'update', '--duration=2h', id);
    expect(await get('/api/v2/silences')).toContainEqual(expect.objectContaining({ id, status: { state: 'active' } }));
    await ask('silence', 'expire', id);
    expect(await ask('alert', 'query', '-o', 'simple')).toContain('FromAmtool');
    expect(await ask('silence', 'query', '-o', 'simple')).not.toContain('why');
  });

  itWith({ amtool })('is told why a silence is refused, and one of everything is', async () => {
    const refused = async (...args: string[]) => ask('silence', 'add', '--comment=why', '--author=me', ...args);
    await expect(refused('x=~".*"')).rejects.toThrow('would silence every alert');
    await expect(refused('a=b', '--start=2020-01-01T00:00:00Z', '--end=2020-01-01T01:00:00Z')).rejects.toThrow(
      'in the future',
    );
  });

  itWith({ amtool })('shows the routes and says where an alert goes', async () => {
    const at = '/api/v1/routes';
    const headers = { 'content-type': 'application/json' };
    const night = { intervals: [{ times: [{ start: '00:00', end: '06:00' }], weekdays: ['monday:friday'] }] };
    const put = async (path: string, body: object) => {
      const answer = await fetch(`${service.apiUrl}${path}`, { method: 'PUT', headers, body: JSON.stringify(body) });
      expect(answer.status).toBe(200);
    };
    await put('/api/v1/mute-times/night', night);
    await put(at, {
      receivers: [{ name: 'team' }, { name: 'pager' }],
      route: {
        receiver: 'team',
        groupIntervalS: 0,
        routes: [{ matchers: ['severity="critical"'], receiver: 'pager', groupWaitS: 0.5, muteTimes: ['night'] }],
      },
    });
    expect(await ask('config', 'routes', 'show')).toMatch(/receiver: team[^]*\{severity="critical"\} +receiver: pager/);
    expect(await ask('config', 'routes', 'test', 'severity=critical', 'service=cart')).toBe('pager');
    expect(await ask('config', 'routes', 'test', 'severity=info')).toBe('team');
    await fetch(`${service.apiUrl}${at}`, { method: 'DELETE' });
  });
});

describe('the end of an alert that is sent several times', () => {
  const [MINUTE_S, HOUR_S] = [60, 3_600];
  // Seconds from then on until each end that is given; null: none is given. Alertmanager forgets a given end when none is given twice after it; we keep it.
  const cases: Record<string, (number | null)[]> = {
    never: [null],
    'never, sent again': [null, null],
    given: [HOUR_S],
    'given, then not': [HOUR_S, null],
    'given, then sooner': [HOUR_S, 10 * MINUTE_S],
    'given, then later': [10 * MINUTE_S, HOUR_S],
    'given, then sooner, then not': [HOUR_S, 10 * MINUTE_S, null],
    'not given, then sooner': [null, 2 * MINUTE_S],
    'not given, then later': [null, HOUR_S],
    'not given, then sooner, then not': [null, 2 * MINUTE_S, null],
    'given, then over': [HOUR_S, -1],
    'given, over, then not': [HOUR_S, -1, null],
  };

  itWith({ alertmanager })('is the one that Alertmanager has', async () => {
    const theirs = await startAlertmanager(alertmanager!, { route: { receiver: 'x' }, receivers: [{ name: 'x' }] });
    try {
      const startsAt = new Date(Date.now() - MINUTE_S * 1_000).toISOString();
      for (const index of [0, 1, 2]) {
        const nowMs = Date.now();
        const alerts = Object.entries(cases).flatMap(([alertname, ends]) => {
          const endS = ends[index];
          if (endS === undefined) return [];
          const endsAt = endS === null ? {} : { endsAt: new Date(nowMs + endS * 1_000).toISOString() };
          return [{ labels: { alertname, from: 'several' }, startsAt, ...endsAt }];
        });
        for (const base of [theirs.url, service.apiUrl]) {
          const headers = { 'content-type': 'application/json' };
          const taken = await fetch(`${base}/api/v2/alerts`, { method: 'POST', headers, body: JSON.stringify(alerts) });
          expect(taken.status).toBe(200);
        }
      }
      const ends = async (base: string) => {
        const answer = await fetch(`${base}/api/v2/alerts?filter=from%3D%22several%22`);
        const shown = (await answer.json()) as { labels: { alertname: string }; endsAt: string }[];
        return new Map(shown.map((each) => [each.labels.alertname, Date.parse(each.endsAt)]));
      };
      const [expected, ours] = [await ends(theirs.url), await ends(service.apiUrl)];
      expect([...ours.keys()].toSorted()).toEqual([...expected.keys()].toSorted());
      expect(ours.size).toBe(Object.keys(cases).length - 1);
      const far = [...ours].filter(([name, endMs]) => Math.abs(endMs - (expected.get(name) ?? 0)) > 5_000);
      expect(far).toEqual([]);
    } finally {
      await theirs.stop();
    }
  });
});
