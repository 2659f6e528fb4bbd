import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { openAlertWorld, type AlertWorld, type Scenario, type Sent, type Told } from '../support/alert-world.js';

// What Alertmanager's acceptance tests hold it to (prometheus/alertmanager, test/with_api_v2/acceptance), in our own words, on a clock that
// is moved. Every message that a receiver gets is listed: one too many fails, as there. docs/alerting.md names where we differ.

let world: AlertWorld;
let it1: Scenario;

beforeAll(async () => {
  world = await openAlertWorld('alertmanager_acceptance', 300);
});
afterAll(() => world.close());
beforeEach(async () => {
  it1 = await world.scenario();
});

const alert = (alertname: string, from?: number, to?: number, more: Partial<Sent> = {}): Sent => ({
  ...more,
  labels: { alertname, ...more.labels },
  ...(from !== undefined && { from }),
  ...(to !== undefined && { to }),
});
/** An alert as it stands in a message. */
const shown = (alertname: string, from: number, to: number | null = null, more: Partial<Sent> = {}) => ({
  labels: { alertname, ...more.labels },
  annotations: more.annotations ?? {},
  from,
  to,
});
const firing = (at: number, ...alerts: Told['alerts']): Told => ({ at, status: 'firing', alerts });
const resolved = (at: number, ...alerts: Told['alerts']): Told => ({ at, status: 'resolved', alerts });
const note = (ann: string) => ({ annotations: { ann } });
const EACH_SECOND = { groupBy: ['alertname'], groupWaitS: 1, groupIntervalS: 1, repeatIntervalS: 1 };
const ALL_EACH_SECOND = { ...EACH_SECOND, groupBy: [] };

describe('sending', () => {
  it.each([
    ['without ends', () => undefined],
    ['with ends, as Prometheus sends them', (from: number) => from + 3],
  ])('TestMergeAlerts, %s: the same alert is merged', async (_name, end) => {
    await it1.channel('/hook');
    await it1.routes(EACH_SECOND);
    const still = (from: number, more?: Partial<Sent>) => alert('test', from, end(from), more);
    it1.push(1, still(1.1));
    it1.push(1.2, alert('test', 1));
    it1.push(2.1, still(2, note('v1')));
    it1.push(3.6, still(1.5, note('v2')));
    it1.push(4.6, alert('test', 3, 4.5, note('v2')));
    it1.push(4.8, alert('test', 2.9, 4.8, note('v3')));
    it1.push(4.8, alert('test', 2.9, 4.1, note('v3')));
    it1.push(5.3, still(5));
    await it1.run(6.5, 0.1);
    expect(it1.told('/hook')).toEqual([
      firing(2, shown('test', 1)),
      firing(3, shown('test', 1, null, note('v1'))),
      firing(4, shown('test', 1, null, note('v2'))),
      resolved(5, shown('test', 1, 4.8, note('v3'))),
      // Over, and so of another group life: it waits, as a new group does.
      firing(6.3, shown('test', 5)),
    ]);
  });

  it('TestRepeat: what still fires is told again, its end once', async () => {
    await it1.channel('/hook');
    await it1.routes(EACH_SECOND);
    it1.push(1, alert('test', 1));
    it1.push(3.5, alert('test', 1, 3));
    await it1.run(8);
    expect(it1.told('/hook')).toEqual([
      firing(2, shown('test', 1)),
      firing(3, shown('test', 1)),
      resolved(4, shown('test', 1, 3)),
    ]);
  });

  it('TestRetry: who took a message does not get it again because another did not', async () => {
    await it1.channel('/well');
    await it1.channel('/ill');
    await it1.routes({ ...EACH_SECOND, groupIntervalS: 2, repeatIntervalS: 3 });
    const path = `/${it1.name}/ill`;
    world.sink.answer(path, { status: 500 }, { status: 200 });
    it1.push(1, alert('test1'));
    await it1.run(11);
    const at = (...seconds: number[]) => seconds.map((second) => firing(second, shown('test1', 1)));
    expect(it1.told('/well')).toEqual(at(2, 6, 10));
    const [failed, taken, ...later] = it1.told('/ill');
    // Its repeat at 6 is the message that it has not got yet, five seconds ± 20 % after it refused it.
    expect([failed, ...later]).toEqual(at(2, 10));
    expect(taken?.at).toBeGreaterThanOrEqual(6);
    expect(taken?.at).toBeLessThanOrEqual(8.5);
    const ids = world.sink.at(path).map(({ headers }) => headers['webhook-id']);
    expect([ids[0] === ids[1], new Set(ids).size]).toEqual([true, 2]);
  });

  it('TestBatching: alerts of a group are told together, and again only after the repeat interval', async () => {
    await it1.channel('/hook');
    await it1.routes({ ...ALL_EACH_SECOND, repeatIntervalS: 4.9 });
    it1.push(1.1, alert('test1', 1));
    it1.push(1.7, alert('test5', 1));
    it1.push(3.3, alert('test2', 1.5), alert('test3', 1.5), alert('test4', 1.6));
    await it1.run(9.5, 0.1);
    const all = [shown('test1', 1), shown('test2', 1.5), shown('test3', 1.5), shown('test4', 1.6), shown('test5', 1)];
    expect(it1.told('/hook')).toEqual([
      firing(2.1, shown('test1', 1), shown('test5', 1)),
      firing(4.1, ...all),
      firing(9.1, ...all),
    ]);
  });

  it('TestResolved: what nobody sends again ends', async () => {
    await it1.channel('/hook');
    await it1.routes({ groupWaitS: 1, groupIntervalS: 5 });
    const three = ['v1', 'v2', 'v3'].map((lbl) => ({ labels: { lbl } }));
    it1.push(1, ...three.map((each) => alert('test', undefined, undefined, each)));
    await it1.run(320, 1);
    expect(it1.told('/hook')).toEqual([
      firing(2, ...three.map((each) => shown('test', 1, null, each))),
      resolved(302, ...three.map((each) => shown('test', 1, 301, each))),
    ]);
  });

  it('an end that somebody gave stands while it is the latest; without one an alert lasts five minutes from when it was last sent', async () => {
    await it1.channel('/hook');
    await it1.routes({ groupBy: ['alertname'], groupWaitS: 1, groupIntervalS: 1, repeatIntervalS: 36_000 });
    // When each was sent, with which end, and when it is over.
    const cases: [string, [number, number?][], number][] = [
      ['no end', [[1]], 301],
      ['no end, sent again', [[1], [60]], 360],
      ['an end', [[1, 100]], 100],
      ['an end, sent again without', [[1, 400], [10]], 400],
      ['an end, twice sent again without', [[1, 400], [10], [20]], 400],
      [
        'an end, sent again with a nearer one',
        [
          [1, 400],
          [10, 100],
        ],
        400,
      ],
      [
        'an end, sent again with a later one',
        [
          [1, 100],
          [10, 400],
        ],
        400,
      ],
      ['no end, then one', [[1], [10, 60]], 60],
      ['no end, then one, then none', [[1], [10, 60], [20]], 320],
      [
        'an end, then over',
        [
          [1, 400],
          [50, 50],
        ],
        50,
      ],
    ];
    for (const [name, posts] of cases) for (const [at, end] of posts) it1.push(at, alert(name, 1, end));
    await it1.run(420, 5);
    const ends = it1.told('/hook').filter(({ status }) => status === 'resolved');
    expect(Object.fromEntries(ends.map(({ alerts }) => [alerts[0]?.labels['alertname'], alerts[0]?.to]))).toEqual(
      Object.fromEntries(cases.map(([name, , end]) => [name, end])),
    );
    expect(it1.told('/hook')).toHaveLength(2 * cases.length);
  });

  it('TestResolvedFilter: who does not hear of ends hears of the next beginning, and of nothing in between', async () => {
    const [ends, noEnds] = [await it1.channel('/ends'), await it1.channel('/no-ends')];
    await it1.routes(
      {
        groupWaitS: 1,
        groupIntervalS: 5,
        routes: [{ receiver: 'ends', continue: true }, { receiver: 'no-ends' }],
      },
      [
        { name: 'default', channelIds: [] },
        { name: 'ends', channelIds: [ends] },
        { name: 'no-ends', channelIds: [noEnds], sendResolved: false },
      ],
    );
    const lbl = (value: string) => ({ labels: { lbl: value } });
    it1.push(1, alert('test', 1, undefined, lbl('v1')), alert('test', 1, 11, lbl('v2')));
    it1.push(3, alert('test', 1, 4, lbl('v1')), alert('test', 3, 100, lbl('v3')));
    it1.push(8, alert('test', 3, 100, lbl('v3')));
    await it1.run(16);
    expect(it1.told('/ends')).toEqual([
      firing(2, shown('test', 1, null, lbl('v1')), shown('test', 1, null, lbl('v2'))),
      firing(7, shown('test', 1, 4, lbl('v1')), shown('test', 1, null, lbl('v2')), shown('test', 3, null, lbl('v3'))),
      firing(12, shown('test', 1, 11, lbl('v2')), shown('test', 3, null, lbl('v3'))),
    ]);
    expect(it1.told('/no-ends')).toEqual([
      firing(2, shown('test', 1, null, lbl('v1')), shown('test', 1, null, lbl('v2'))),
      firing(7, shown('test', 1, null, lbl('v2')), shown('test', 3, null, lbl('v3'))),
    ]);
  });

  it('TestColdStart: a process that starts tells neither twice nor before the group has waited', async () => {
    await it1.channel('/hook');
    await it1.routes({ ...ALL_EACH_SECOND, groupWaitS: 2, repeatIntervalS: 3_600 });
    it1.push(1, alert('test1', 1));
    it1.at(1.5, () => world.restart());
    it1.push(2, alert('test2', 2));
    it1.at(4, () => world.restart());
    await it1.run(6);
    expect(it1.told('/hook')).toEqual([firing(3, shown('test1', 1), shown('test2', 2))]);
  });

  it('TestReload: another start and another tree tell nobody again, and timers go on', async () => {
    await it1.channel('/hook');
    const tree = { groupBy: [], groupWaitS: 1, groupIntervalS: 6, repeatIntervalS: 600 };
    await it1.routes(tree);
    it1.push(1, alert('test1', 1));
    it1.at(3, async () => {
      await world.restart();
      await it1.routes({ ...tree, repeatIntervalS: 601 });
    });
    it1.push(4, alert('test2', 4));
    await it1.run(16);
    expect(it1.told('/hook')).toEqual([firing(2, shown('test1', 1)), firing(8, shown('test1', 1), shown('test2', 4))]);
  });

  it('TestWebhookTimeout: a receiver that does not answer in time is asked again long before the group would be', async () => {
    await it1.channel('/slow');
    await it1.routes({ groupWaitS: 1, groupIntervalS: 60, repeatIntervalS: 60 });
    world.sink.answer(`/${it1.name}/slow`, 'hang', { status: 200 });
    it1.push(1, alert('test1', 1));
    await it1.run(12);
    const told = it1.told('/slow');
    expect(told.map(({ alerts }) => alerts)).toEqual([[shown('test1', 1)], [shown('test1', 1)]]);
    expect(told[0]?.at).toBe(2);
    expect(told[1]?.at).toBeLessThanOrEqual(8.5);
  });
});

describe('inhibition', () => {
  const inhibits = () =>
    it1.call('POST', '/api/v1/inhibitions', {
      name: 'a job that is down',
      source: ['alertname="JobDown"'],
      target: ['alertname="InstanceDown"'],
      equal: ['job', 'zone'],
    });
  const zone = (value: string) => ({ labels: { job: 'testjob', zone: value } });

  it('TestInhibiting: while its cause fires an alert is not told, and it is again when that is over', async () => {
    await it1.channel('/hook');
    await it1.routes(ALL_EACH_SECOND);
    await inhibits();
    it1.push(1, alert('test1', 1, 99, zone('aa')));
    it1.push(1, alert('InstanceDown', 1, 99, zone('aa')), alert('InstanceDown', 1, 99, zone('ab')));
    it1.push(2.2, alert('JobDown', 2.2, 99, zone('aa')));
    it1.push(3.6, alert('JobDown', 2.2, 3.6, zone('aa')));
    await it1.run(4.5);
    const test1 = shown('test1', 1, null, zone('aa'));
    const [aa, ab] = [shown('InstanceDown', 1, null, zone('aa')), shown('InstanceDown', 1, null, zone('ab'))];
    expect(it1.told('/hook')).toEqual([
      firing(2, aa, ab, test1),
      firing(3, ab, shown('JobDown', 2.2, null, zone('aa')), test1),
      firing(4, aa, ab, shown('JobDown', 2.2, 3.6, zone('aa')), test1),
    ]);
  });

  it('TestAlwaysInhibiting: what was never told because of its cause ends without a word', async () => {
    await it1.channel('/hook');
    await it1.routes(ALL_EACH_SECOND);
    await inhibits();
    it1.push(1, alert('InstanceDown', 1, 99, zone('aa')));
    it1.push(1, alert('JobDown', 1, 99, zone('aa')));
    it1.push(2.6, alert('JobDown', 1, 2.6, zone('aa')));
    it1.push(2.6, alert('InstanceDown', 1, 2.6, zone('aa')));
    await it1.run(5);
    expect(it1.told('/hook')).toEqual([
      firing(2, shown('JobDown', 1, null, zone('aa'))),
      // Alertmanager names InstanceDown as resolved here, of which nobody was told.
      resolved(3, shown('JobDown', 1, 2.6, zone('aa'))),
    ]);
  });

  it('TestEmptyInhibitionRule: an inhibition without matchers holds nothing back and breaks nothing', async () => {
    await it1.channel('/hook');
    await it1.routes({ ...ALL_EACH_SECOND, repeatIntervalS: 60 });
    await it1.call('POST', '/api/v1/inhibitions', { name: 'empty', source: [], target: [] });
    it1.push(1, alert('test1', 1), alert('test2', 1));
    await it1.run(4);
    expect(it1.told('/hook')).toEqual([firing(2, shown('test1', 1), shown('test2', 1))]);
  });
});

describe('silences', () => {
  const silence = (from: number, to: number, name: string, value: string, isRegex = false) => ({
    matchers: [{ name, value, isRegex, isEqual: true }],
    startsAt: it1.seconds(from),
    endsAt: it1.seconds(to),
    createdBy: 'test',
    comment: 'test',
  });

  it('TestAddSilence: a silence is taken', async () => {
    const { silenceID } = await it1.call<{ silenceID: string }>(
      'POST',
      '/api/v2/silences',
      silence(0, 86_400, 'foo', 'bar'),
    );
    expect(await it1.call('GET', '/api/v2/silences')).toMatchObject([{ id: silenceID, status: { state: 'active' } }]);
  });

  it('TestSilencing: from its beginning to its end what it matches is not told', async () => {
    await it1.channel('/hook');
    await it1.routes(ALL_EACH_SECOND);
    it1.push(1, alert('test1', 1));
    it1.push(1, alert('test2', 1));
    it1.at(2.3, () => it1.call('POST', '/api/v2/silences', silence(2.5, 4.5, 'alertname', 'test1')));
    await it1.run(5.5);
    const both = [shown('test1', 1), shown('test2', 1)];
    expect(it1.told('/hook')).toEqual([
      firing(2, ...both),
      firing(3, shown('test2', 1)),
      firing(4, shown('test2', 1)),
      firing(5, ...both),
    ]);
  });

  it('TestSilenceDelete: a silence of everything by pattern holds until it is deleted', async () => {
    await it1.channel('/hook');
    await it1.routes(ALL_EACH_SECOND);
    it1.push(1, alert('test1', 1));
    it1.push(1, alert('test2', 1));
    let id = '';
    it1.at(1.3, async () => {
      const made = await it1.call<{ silenceID: string }>(
        'POST',
        '/api/v2/silences',
        silence(1.5, 100, 'alertname', '.+', true),
      );
      id = made.silenceID;
    });
    it1.at(3.5, () => it1.call('DELETE', `/api/v2/silence/${id}`));
    await it1.run(4.5);
    expect(it1.told('/hook')).toEqual([firing(4, shown('test1', 1), shown('test2', 1))]);
  });
});

describe('several processes', () => {
  const told = async (processes: number) => {
    await world.restart(processes);
    const scenario = await world.scenario();
    await scenario.channel('/hook');
    await scenario.routes({ ...EACH_SECOND, repeatIntervalS: 3_600 });
    for (const second of [1, 2, 4, 6, 8]) scenario.push(second, alert(`test1-${second}`, second, second + 10));
    await scenario.run(20, 1);
    return scenario.told('/hook');
  };

  it('TestClusterDeduplication: three tell once', async () => {
    await world.restart(3);
    await it1.channel('/hook');
    await it1.routes({ ...ALL_EACH_SECOND, repeatIntervalS: 3_600 });
    it1.push(1, alert('test1', 1, 11));
    await it1.run(14);
    expect(it1.told('/hook')).toEqual([firing(2, shown('test1', 1)), resolved(11, shown('test1', 1, 11))]);
  });

  it('TestClusterVSInstance: three tell what one tells', async () => {
    const one = await told(1);
    expect(one).toHaveLength(10);
    expect(await told(3)).toEqual(one);
    await world.restart(1);
  });
});

describe('labels beyond ASCII', () => {
  const labels = { a: 'a', '00': 'b', Σ: 'c', '🙂': 'dΘ' };

  it('TestAddUTF8Alerts: are taken, given back and searched by, in alerts and in groups', async () => {
    it1.push(0, { labels });
    await it1.run(0);
    const filter = ['00=b', 'Σ=c', String.raw`"\xf0\x9f\x99\x82"=dΘ`]
      .map((each) => `filter=${encodeURIComponent(each)}`)
      .join('&');
    for (const query of ['', `?${filter}`]) {
      expect(await it1.call('GET', `/api/v2/alerts${query}`)).toMatchObject([{ labels }]);
      expect(await it1.call('GET', `/api/v2/alerts/groups${query}`)).toMatchObject([{ alerts: [{ labels }] }]);
    }
    expect(await it1.call('GET', `/api/v2/alerts?${filter}x`)).toEqual([]);
  });

  it('TestAddUTF8Silences: are silenced by', async () => {
    const matchers = [{ name: 'fooΣ', value: 'bar🙂', isRegex: false, isEqual: true }];
    await it1.call('POST', '/api/v2/silences', {
      matchers,
      startsAt: it1.seconds(0),
      endsAt: it1.seconds(86_400),
      createdBy: 'test',
      comment: 'test',
    });
    expect(await it1.call('GET', '/api/v2/silences')).toMatchObject([{ matchers }]);
    const filter = encodeURIComponent('fooΣ=bar🙂');
    expect(await it1.call('GET', `/api/v2/silences?filter=${filter}`)).toMatchObject([{ matchers }]);
    expect(await it1.call('GET', `/api/v2/silences?filter=${filter}x`)).toEqual([]);
  });

  it('TestSendAlertsToUTF8Route: are routed and grouped by', async () => {
    const id = await it1.channel('/hook');
    await it1.routes(
      { routes: [{ receiver: 'webhook', matchers: ['foo🙂=bar'], groupBy: ['foo🙂'], groupWaitS: 1 }] },
      [
        { name: 'default', channelIds: [] },
        { name: 'webhook', channelIds: [id] },
      ],
    );
    it1.push(1, { labels: { 'foo🙂': 'bar' } }, { labels: { 'foo🙂': 'other' } });
    await it1.run(3);
    expect(it1.told('/hook')).toEqual([firing(2, { labels: { 'foo🙂': 'bar' }, annotations: {}, from: 1, to: null })]);
  });
});

describe('the API', () => {
  const status = async (query = '') =>
    Object.fromEntries(
      (
        await it1.call<{ labels: { severity: string }; status: Record<string, unknown>; fingerprint: string }[]>(
          'GET',
          `/api/v2/alerts${query}`,
        )
      ).map((each) => [each.labels.severity, { ...each.status, fingerprint: each.fingerprint }]),
    );

  it('TestAddAlerts: takes alerts', async () => {
    it1.push(1, alert('test1', 1));
    await it1.run(1);
    expect(await it1.call('GET', '/api/v2/alerts')).toMatchObject([{ labels: { alertname: 'test1' } }]);
  });

  it('TestAlertGetReturnsCurrentAlertStatus: says at once what is silenced and inhibited, and by what', async () => {
    await it1.routes({ groupBy: [], groupWaitS: 1, groupIntervalS: 600, repeatIntervalS: 3_600 });
    await it1.call('POST', '/api/v1/inhibitions', {
      name: 'worse',
      source: ['severity="critical"'],
      target: ['severity="warning"'],
      equal: ['alertname'],
    });
    const of = (severity: string) => alert('test1', 0, 300, { labels: { severity } });
    it1.push(0, of('warning'));
    await it1.run(2);
    expect(await status()).toMatchObject({ warning: { state: 'active', silencedBy: [], inhibitedBy: [] } });
    const { silenceID } = await it1.call<{ silenceID: string }>('POST', '/api/v2/silences', {
      matchers: [{ name: 'alertname', value: 'test1', isRegex: false }],
      startsAt: it1.seconds(0),
      endsAt: it1.seconds(300),
      createdBy: 'a',
      comment: 'a',
    });
    expect(await status()).toMatchObject({ warning: { state: 'suppressed', silencedBy: [silenceID] } });
    it1.push(3, of('critical'));
    await it1.run(4);
    const both = await status();
    expect(both).toMatchObject({
      warning: { state: 'suppressed', silencedBy: [silenceID], inhibitedBy: [both['critical']?.['fingerprint']] },
      critical: { state: 'suppressed', silencedBy: [silenceID], inhibitedBy: [] },
    });
    await it1.call('DELETE', `/api/v2/silence/${silenceID}`);
    expect(await status()).toMatchObject({
      warning: { state: 'suppressed', silencedBy: [] },
      critical: { state: 'active', silencedBy: [], inhibitedBy: [] },
    });
  });

  it('TestFilterAlertRequest: finds alerts by all of several filters', async () => {
    it1.push(
      0,
      { labels: { alertname: 'test1', severity: 'warning' } },
      { labels: { system: 'foo', severity: 'critical' } },
    );
    await it1.run(0);
    expect(Object.keys(await status('?filter=alertname%3Dtest1&filter=severity%3Dwarning'))).toEqual(['warning']);
  });
});

describe('beyond them', () => {
  it('a route that says `continue` tells the next one too; the deepest that matches tells, its parents do not', async () => {
    const ids = {
      all: await it1.channel('/all'),
      team: await it1.channel('/team'),
      pager: await it1.channel('/pager'),
    };
    await it1.routes(
      {
        ...ALL_EACH_SECOND,
        repeatIntervalS: 3_600,
        receiver: 'all',
        routes: [
          { matchers: ['severity="critical"'], receiver: 'pager', continue: true },
          { matchers: ['team=~"a|b"'], receiver: 'team', routes: [{ matchers: ['team="b"'], receiver: 'all' }] },
          { matchers: ['team="a"'], receiver: 'pager' },
        ],
      },
      Object.entries(ids).map(([name, id]) => ({ name, channelIds: [id] })),
    );
    const of = (name: string, labels: Record<string, string>) => alert(name, 1, 99, { labels });
    const as = (name: string, labels: Record<string, string>) => shown(name, 1, null, { labels });
    const [one, two, three, four] = [
      ['one', { severity: 'critical', team: 'a' }],
      ['two', { severity: 'warning', team: 'a' }],
      ['three', { severity: 'critical', team: 'b' }],
      ['four', { severity: 'info', team: 'c' }],
    ] as const;
    it1.push(1, of(...one), of(...two), of(...three), of(...four));
    await it1.run(4);
    expect(it1.told('/pager')).toEqual([firing(2, as(...one), as(...three))]);
    expect(it1.told('/team')).toEqual([firing(2, as(...one), as(...two))]);
    // The root and the route below `team` are two groups.
    expect(it1.told('/all').map(({ alerts }) => alerts)).toEqual(
      expect.arrayContaining([[as(...three)], [as(...four)]]),
    );
    expect(it1.told('/all')).toHaveLength(2);
  });

  it.each([-45, 45])('processes whose clock is %i s wrong tell the same', async (errorS) => {
    it1.processErrorS = errorS;
    await it1.channel('/hook');
    await it1.routes({ ...ALL_EACH_SECOND, repeatIntervalS: 5 });
    it1.push(1, alert('test1', 1, 200));
    it1.push(2.3, alert('test2', 2.3, 200));
    await it1.run(5);
    expect(it1.told('/hook')).toEqual([
      firing(2, shown('test1', 1)),
      firing(3, shown('test1', 1), shown('test2', 2.3)),
    ]);
  });

  it.each([-20, 20])(
    'a silence that is made by a process whose clock is %i s wrong begins at once, ends on time, and shows its state',
    async (errorS) => {
      it1.processErrorS = errorS;
      await it1.channel('/hook');
      await it1.routes({ ...ALL_EACH_SECOND, groupBy: ['...'], repeatIntervalS: 36_000 });
      const silence = async (name: string, endsAt: string) =>
        it1.call<{ id: string; state: string }>('POST', '/api/v1/silences', {
          matchers: [`alertname="${name}"`],
          endsAt,
          createdBy: 'ann',
        });
      let cut = '';
      it1.at(1, async () => {
        const made = [await silence('ends', it1.seconds(15)), await silence('is cut', it1.seconds(600))];
        cut = made[1]!.id;
        expect(made.map(({ state }) => state)).toEqual(['active', 'active']);
      });
      it1.push(2, alert('ends', 2, 999), alert('is cut', 2, 999), alert('is told', 2, 999));
      it1.at(10, () => it1.call('DELETE', `/api/v1/silences/${cut}`));
      it1.at(12, async () => {
        const { silences } = await it1.call<{ silences: { state: string }[] }>('GET', '/api/v1/silences');
        expect(silences.map(({ state }) => state).toSorted()).toEqual(['active', 'expired']);
      });
      await it1.run(18);
      expect(it1.told('/hook').map(({ at, alerts }) => [at, alerts[0]?.labels['alertname']])).toEqual([
        [3, 'is told'],
        [10, 'is cut'],
        [15, 'ends'],
      ]);
    },
  );

  it('a clock that is set back by an hour holds nothing up, and no end comes before its beginning', async () => {
    await it1.channel('/hook');
    await it1.routes({ ...ALL_EACH_SECOND, repeatIntervalS: 36_000 });
    it1.push(3_600, alert('test1', 3_600, 9_999));
    await it1.run(3_600, 3_600);
    // Back at the beginning: the group was to wait until a second after the hour.
    it1.push(0, alert('test2', 0, 9_999));
    await it1.run(8, 1);
    const told = it1.told('/hook');
    expect(told.map(({ at, alerts }) => [at, alerts.map(({ labels }) => labels['alertname'])])).toEqual([
      [1, ['test1', 'test2']],
    ]);
  });

  it('in a mute time nothing is told, not even an end; outside of an active time neither', async () => {
    const ids = [await it1.channel('/muted'), await it1.channel('/active')];
    const minute = (start: string, end: string) => ({ intervals: [{ times: [{ start, end }] }] });
    await it1.call('PUT', '/api/v1/mute-times/minute-2', minute('10:02', '10:03'));
    await it1.routes(
      {
        groupBy: [],
        groupWaitS: 1,
        groupIntervalS: 10,
        repeatIntervalS: 3_600,
        routes: [
          { receiver: 'muted', muteTimes: ['minute-2'], continue: true },
          { receiver: 'active', activeTimes: ['minute-2'] },
        ],
      },
      [
        { name: 'default', channelIds: [] },
        { name: 'muted', channelIds: [ids[0]] },
        { name: 'active', channelIds: [ids[1]] },
      ],
    );
    it1.push(100, alert('test1', 100, 999));
    it1.push(125, alert('test2', 125, 999));
    it1.push(130, alert('test1', 100, 130));
    await it1.run(200, 1);
    expect(it1.told('/muted')).toEqual([
      firing(101, shown('test1', 100)),
      firing(181, shown('test1', 100, 130), shown('test2', 125)),
    ]);
    expect(it1.told('/active')).toEqual([
      firing(121, shown('test1', 100)),
      firing(131, shown('test1', 100, 130), shown('test2', 125)),
    ]);
  });
});
