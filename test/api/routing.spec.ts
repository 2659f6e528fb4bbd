import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createTestDatabase, type TestDatabase } from '../support/database.js';
import { startService, type Service } from '../support/service.js';

let database: TestDatabase;
let service: Service;

beforeAll(async () => {
  database = await createTestDatabase('routing');
  service = await startService({ databaseUrl: database.url });
});
afterAll(async () => {
  await service.stop();
  await database.drop();
});

async function call(method: string, path: string, body?: unknown, headers: Record<string, string> = {}) {
  const answer = await fetch(`${service.apiUrl}${path}`, {
    method,
    headers: { ...(body !== undefined && { 'content-type': 'application/json' }), ...headers },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  const text = await answer.text();
  return { status: answer.status, etag: answer.headers.get('etag'), headers: answer.headers, text, body: parsed(text) };
}

// eslint-disable-next-line @typescript-eslint/no-explicit-any -- answers are looked at as a client sees them
function parsed(text: string): any {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

const inAnHour = () => new Date(Date.now() + 3_600_000).toISOString();

describe('routes', () => {
  it('begin with a default tree, are replaced as a whole under their ETag, and go back', async () => {
    const before = await call('GET', '/api/v1/routes');
    expect(before).toMatchObject({ status: 200, etag: '"0"' });
    expect(before.body).toMatchObject({
      receivers: [{ name: 'everybody', channelIds: null }],
      route: { receiver: 'everybody', routes: [{ matchers: ['incident!=""'], groupBy: ['incident'], groupWaitS: 0 }] },
    });
    const tree = {
      receivers: [{ name: 'all' }, { name: 'none', channelIds: [] }],
      route: { receiver: 'all', routes: [{ matchers: ['team=~"a|b"', 'x!=y'], receiver: 'none', continue: true }] },
    };
    const made = await call('PUT', '/api/v1/routes', tree, { 'if-match': '"0"' });
    expect(made).toMatchObject({ status: 200, etag: '"1"' });
    expect(made.body.route).toMatchObject({
      groupBy: ['alertname'],
      groupWaitS: 30,
      tellEscalations: true,
      matchers: [],
    });
    expect(made.body.route.routes[0]).toEqual({
      matchers: ['team=~"a|b"', 'x!="y"'],
      receiver: 'none',
      continue: true,
      routes: [],
    });
    expect((await call('PUT', '/api/v1/routes', tree, { 'if-match': '"0"' })).status).toBe(412);
    expect((await call('GET', '/api/v1/routes')).body).toEqual(made.body);
    expect((await call('DELETE', '/api/v1/routes')).status).toBe(204);
    expect(await call('GET', '/api/v1/routes')).toMatchObject({
      etag: '"2"',
      body: { route: { receiver: 'everybody' } },
    });
  });

  const receivers = [{ name: 'all' }];
  it.each([
    [
      'an unknown receiver',
      { receivers, route: { receiver: 'all', routes: [{ receiver: 'nobody' }] } },
      400,
      'route.routes.0.receiver',
    ],
    [
      'a pattern that is none',
      { receivers, route: { receiver: 'all', routes: [{ matchers: ['a=~"("'] }] } },
      400,
      'route.routes.0.matchers.0',
    ],
    ['a negative time', { receivers, route: { receiver: 'all', groupWaitS: -1 } }, 400, 'route.groupWaitS'],
    ['an unknown field', { receivers, route: { receiver: 'all', groupWait: 1 } }, 400, 'route.groupWait'],
    [
      'an unknown mute time',
      { receivers, route: { receiver: 'all', routes: [{ muteTimes: ['x'] }] } },
      422,
      'route.routes.0.muteTimes',
    ],
    [
      'an unknown channel',
      {
        receivers: [{ name: 'all', channelIds: ['0b54a7a6-8d4e-4e63-9be6-0c7d7f6f1a11'] }],
        route: { receiver: 'all' },
      },
      422,
      'receivers.0.channelIds',
    ],
  ])('are refused with %s, by its name', async (_what, tree, status, field) => {
    expect(await call('PUT', '/api/v1/routes', tree)).toMatchObject({ status, body: { error: { field } } });
  });
});

describe('mute times and inhibitions', () => {
  it('are made, named by routes, and stay while a route names them', async () => {
    const intervals = [{ weekdays: ['saturday:sunday'.split(':')[0]], location: 'Europe/Berlin' }];
    expect((await call('PUT', '/api/v1/mute-times/weekend', { intervals })).status).toBe(200);
    const tree = { receivers: [{ name: 'all' }], route: { receiver: 'all', muteTimes: ['weekend'] } };
    expect((await call('PUT', '/api/v1/routes', tree)).status).toBe(200);
    expect(await call('DELETE', '/api/v1/mute-times/weekend')).toMatchObject({
      status: 409,
      body: { error: { message: expect.stringContaining('route names') } },
    });
    expect((await call('DELETE', '/api/v1/routes')).status).toBe(204);
    expect((await call('DELETE', '/api/v1/mute-times/weekend')).status).toBe(204);
    expect(
      await call('PUT', '/api/v1/mute-times/x', { intervals: [{ times: [{ start: '22:00', end: '06:00' }] }] }),
    ).toMatchObject({ status: 400, body: { error: { field: 'intervals.0.times.0' } } });
    expect(await call('PUT', '/api/v1/mute-times/x', { intervals: [{ location: 'Mars/Olympus' }] })).toMatchObject({
      status: 400,
      body: { error: { field: 'intervals.0.location' } },
    });
  });

  it('inhibitions are kept', async () => {
    const made = await call('POST', '/api/v1/inhibitions', {
      name: 'zone',
      source: ['s=1'],
      target: ['t=1'],
      equal: ['zone'],
    });
    expect(made).toMatchObject({ status: 201, body: { source: ['s="1"'], equal: ['zone'] } });
    expect((await call('POST', '/api/v1/inhibitions', { name: 'zone', source: ['s=1'], target: ['t=1'] })).status).toBe(
      409,
    );
    const changed = await call('PUT', `/api/v1/inhibitions/${made.body.id}`, {
      name: 'zones',
      source: ['s=2'],
      target: ['t=1'],
    });
    expect(changed).toMatchObject({ status: 200, body: { name: 'zones', source: ['s="2"'], equal: [] } });
    expect((await call('GET', '/api/v1/inhibitions')).body.inhibitions).toEqual([changed.body]);
    expect((await call('DELETE', `/api/v1/inhibitions/${made.body.id}`)).status).toBe(204);
    expect((await call('DELETE', `/api/v1/inhibitions/${made.body.id}`)).status).toBe(404);
  });
});

describe('silences', () => {
  it.each(['silences', 'services', 'channels', 'inhibitions', 'routes'])(
    '%s: refuses a parameter that it does not read',
    async (list) => {
      expect(await call('GET', `/api/v1/${list}?state=active`)).toMatchObject({
        status: 400,
        body: { error: { code: 'invalid_input', field: 'state', message: 'state: is not known here' } },
      });
    },
  );

  it('refuses one that would silence everything', async () => {
    for (const matchers of [['x=~".*"'], ['x=""', 'team!="a"'], ['x!~"y"']]) {
      const body = { matchers, endsAt: inAnHour(), createdBy: 'me' };
      expect(await call('POST', '/api/v1/silences', body)).toMatchObject({
        status: 400,
        body: { error: { code: 'invalid_input', field: 'matchers' } },
      });
    }
  });

  it('begin, change, and end rather than vanish', async () => {
    const made = await call('POST', '/api/v1/silences', {
      matchers: ['a=b'],
      endsAt: inAnHour(),
      createdBy: 'me',
      comment: 'why',
    });
    expect(made).toMatchObject({ status: 201, body: { state: 'active', matchers: ['a="b"'], comment: 'why' } });
    const { id } = made.body;
    const longer = await call('PUT', `/api/v1/silences/${id}`, {
      matchers: ['a=b'],
      endsAt: new Date(Date.now() + 7_200_000).toISOString(),
      createdBy: 'you',
    });
    expect(longer).toMatchObject({ status: 200, body: { id, createdBy: 'you' } });
    const other = await call('PUT', `/api/v1/silences/${id}`, {
      matchers: ['a=c'],
      endsAt: inAnHour(),
      createdBy: 'you',
    });
    expect(other.body.id).not.toBe(id);
    expect((await call('GET', `/api/v1/silences/${id}`)).body.state).toBe('expired');
    expect((await call('DELETE', `/api/v1/silences/${other.body.id}`)).status).toBe(204);
    expect((await call('GET', '/api/v1/silences')).body.silences.map(({ state }: { state: string }) => state)).toEqual([
      'expired',
      'expired',
    ]);
    expect(
      await call('POST', '/api/v1/silences', { matchers: ['a=b'], endsAt: '2020-01-01T00:00:00Z', createdBy: 'me' }),
    ).toMatchObject({ status: 400, body: { error: { field: 'endsAt' } } });
    expect(await call('POST', '/api/v1/silences', { matchers: [], endsAt: inAnHour(), createdBy: 'me' })).toMatchObject(
      { status: 400, body: { error: { field: 'matchers' } } },
    );
  });
});

describe('what people do about an incident', () => {
  it('names the field that is wrong, and does not know incidents that are not there', async () => {
    const path = `/api/v1/incidents/${'0'.repeat(8)}-0000-4000-8000-${'0'.repeat(12)}`;
    expect(await call('POST', `${path}/acknowledge`, { by: 'ann' })).toMatchObject({ status: 404 });
    expect(await call('POST', `${path}/acknowledge`, {})).toMatchObject({
      status: 400,
      text: expect.stringContaining('by'),
    });
    expect(await call('PUT', `${path}/assignee`, { by: 'ann' })).toMatchObject({ status: 400 });
    expect(await call('POST', `${path}/comments`, { by: 'ann', text: 'x' })).toMatchObject({ status: 400 });
    expect(await call('DELETE', `${path}/acknowledge?by=ann`)).toMatchObject({ status: 404 });
    expect(await call('GET', `${path}/actions`)).toMatchObject({
      status: 200,
      body: { acknowledged: null, actions: [] },
    });
  });
});

describe('alerts', () => {
  it('are listed, the last to change first, and told one by one with their steps and decisions', async () => {
    for (const n of [1, 2, 3]) {
      const labels = { alertname: `listed ${n}`, severity: 'warning' };
      expect((await call('POST', '/api/v2/alerts', [{ labels, endsAt: inAnHour() }])).status).toBe(200);
    }
    const first = await call('GET', '/api/v1/alerts?state=firing&limit=2');
    expect(first.body.alerts).toHaveLength(2);
    const second = await call('GET', `/api/v1/alerts?state=firing&limit=2&cursor=${first.body.nextCursor}`);
    const names = [...first.body.alerts, ...second.body.alerts].map(({ labels }) => labels.alertname);
    expect(names).toEqual(['listed 3', 'listed 2', 'listed 1']);
    expect(second.body.nextCursor).toBeNull();

    const { id } = first.body.alerts[0];
    const story = await until(
      async () => (await call('GET', `/api/v1/alerts/${id}`)).body,
      ({ decisions }) => decisions.length > 0,
    );
    expect(story).toMatchObject({ id, ruleId: null, state: 'firing', transitions: [{ sequence: 1, to: 'firing' }] });
    expect(story.decisions[0]).toMatchObject({ send: false, channelIds: [] });
    expect((await call('GET', '/api/v1/alerts?state=loud')).status).toBe(400);
    expect((await call('GET', '/api/v1/alerts?cursor=nonsense')).status).toBe(400);
    expect((await call('GET', `/api/v1/alerts/${'0'.repeat(8)}-0000-4000-8000-${'0'.repeat(12)}`)).status).toBe(404);
  });
});

/** What `read` gives once it is as wanted: routing waits some seconds for an alert's brothers. */
async function until<T>(read: () => Promise<T>, isWanted: (found: T) => boolean): Promise<T> {
  for (let tries = 0; ; tries++) {
    const found = await read();
    if (isWanted(found) || tries > 150) return found;
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}
