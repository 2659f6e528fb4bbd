import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { meansOther } from '../../src/alert/epoch.js';
import { AlertStore } from '../../src/store/alert.store.js';
import { MetricsStore } from '../../src/store/metrics.store.js';
import { RoutingStore } from '../../src/store/routing.store.js';
import { routeWorkerOn } from '../support/alert-workers.js';
import { BEGAN_MS, type Did, type RuleWorld, startRuleWorld } from '../support/rule-world.js';

// The cases of Prometheus' alert generator compliance suite, in our words: what fires when, and how often somebody is told, on event time that is moved
// window by window, with two processes at once; every few windows both are new ones, which know what PostgreSQL has and nothing else.
const WINDOW_S = 10;
const CHANNEL = '6f0e7f5a-6a0c-4a7e-9a0f-0d1f5c1e2a3b';
const REPEAT_S = 60;

let world: RuleWorld;
beforeEach(async () => {
  world = await startRuleWorld('alert_generator');
  await world.db.query(
    `insert into channels (id, tenant_id, name, type, secret, url_shown) values ($1, 1, 'on call', 'webhook', '', '')`,
    [CHANNEL],
  );
  const route = {
    receiver: 'on call',
    groupBy: ['alertname'],
    groupWaitS: 0,
    groupIntervalS: 0,
    repeatIntervalS: REPEAT_S,
    tellEscalations: true,
    escalateAfterS: null,
    escalateTo: null,
    muteTimes: [],
    activeTimes: [],
    matchers: [],
    continue: false,
    routes: [],
  };
  const receivers = [{ name: 'on call', channelIds: [CHANNEL], sendResolved: true }];
  await new RoutingStore(world.db).replace(1, { receivers, route }, null, 'test');
});
afterEach(() => world.close());

const get = (errors: number, operation = 'Get', n = 10): Did => ({ service: 'cart', operation, n, errors });
const times = <T>(n: number, value: T): T[] => Array.from({ length: n }, () => value);
const RULE = { type: 'threshold', name: 'errors', measure: 'error_rate', window: '10s', above: 0.1 };
const FINE = [get(0)];
const BAD = [get(5)];

/** Lets windows go by, one by one; `between` is done before the window of that number, `spoil` when it is measured. Gives what was told: `<second> <what>`. */
async function live(
  windows: (Did[] | null)[],
  {
    restartEvery = 3,
    between = {},
    spoil = {},
  }: {
    restartEvery?: number;
    between?: Record<number, () => Promise<unknown>>;
    spoil?: Record<number, () => Promise<unknown>>;
  } = {},
): Promise<string[]> {
  const { db } = world;
  const process = () => ({
    evaluate: world.worker(),
    route: routeWorkerOn(db),
  });
  let both = [process(), process()];
  for (const [i, window] of windows.entries()) {
    if (i % restartEvery === restartEvery - 1) both = [process(), process()];
    await between[i]?.();
    await world.measure([window]);
    await spoil[i]?.();
    const nowMs = BEGAN_MS + (i + 1) * WINDOW_S * 1_000;
    await Promise.all(both.map(({ evaluate }) => evaluate.run(1)));
    // Whoever came too late finds nothing to do.
    await both[1]!.evaluate.run(1);
    await world.db.query(`update alert_transitions set created_at = at where routed_at is null`);
    await Promise.all(both.map(({ route }) => route.run(1, nowMs)));
    await world.db.query(`update notifications set sent_at = $1, state = 'sent' where sent_at is null`, [
      new Date(nowMs),
    ]);
  }
  const told: { s: number; kind: string; alerts: number }[] = await world.db.query(
    `select extract(epoch from sent_at - $1)::int4 as s, body ->> 'type' as kind, jsonb_array_length(body -> 'alerts') as alerts
       from notifications order by sent_at, sequence`,
    [new Date(BEGAN_MS)],
  );
  return told.map(({ s, kind, alerts }) => `${s} ${kind} of ${alerts}`);
}

describe('an alert', () => {
  it('that holds for less than `for` is pending and told to nobody', async () => {
    await world.rule({ ...RULE, for: '30s' });
    expect(await live([...times(2, FINE), ...times(3, BAD), ...times(3, FINE)])).toEqual([]);
    expect(await world.transitions()).toEqual(['30 Get 1 inactive>pending holds', '60 Get 2 pending>inactive clear']);
  });

  it.each([1, 1_000])(
    'fires when it has held for `for`, with new processes every %i windows, and is told once of each',
    async (restartEvery) => {
      await world.rule({ ...RULE, for: '30s' });
      const told = await live([...times(2, FINE), ...times(6, BAD), ...times(8, FINE)], { restartEvery });
      expect(await world.transitions()).toEqual([
        '30 Get 1 inactive>pending holds',
        '60 Get 2 pending>firing held_for',
        '90 Get 3 firing>resolved clear',
      ]);
      expect(told).toEqual(['60 alert.firing of 1', '90 alert.resolved of 1']);
    },
  );

  it('without `for` fires at once and was never pending', async () => {
    await world.rule(RULE);
    expect(await live([...times(2, FINE), ...times(1, BAD), ...times(2, FINE)])).toEqual([
      '30 alert.firing of 1',
      '40 alert.resolved of 1',
    ]);
    expect(await world.transitions()).toEqual(['30 Get 1 inactive>firing holds', '40 Get 2 firing>resolved clear']);
  });

  it('that is kept firing is one alert, told of once, until it was clear for long enough', async () => {
    await world.rule({ ...RULE, keepFiringFor: '30s' });
    const told = await live([...times(2, BAD), ...times(2, FINE), ...times(1, BAD), ...times(5, FINE)]);
    expect(await world.transitions()).toEqual([
      '10 Get 1 inactive>firing holds',
      '30 Get 2 firing>recovering clear',
      '50 Get 3 recovering>firing returned',
      '60 Get 4 firing>recovering clear',
      '90 Get 5 recovering>resolved clear_for',
    ]);
    // Once again by the route, and not for any of these changes.
    expect(told).toEqual(['10 alert.firing of 1', '70 alert.firing of 1', '90 alert.resolved of 1']);
  });

  it('is told again while it fires, as often as the route says and not oftener', async () => {
    await world.rule(RULE);
    expect(await live([...times(14, BAD), ...times(1, FINE)])).toEqual([
      '10 alert.firing of 1',
      '70 alert.firing of 1',
      '130 alert.firing of 1',
      '150 alert.resolved of 1',
    ]);
    expect(await world.transitions()).toHaveLength(2);
  });

  it('of another series joins and leaves by itself', async () => {
    await world.rule({ ...RULE, for: '20s' });
    const told = await live([
      ...times(4, [get(5), get(0, 'Pay')]),
      ...times(4, [get(5), get(5, 'Pay')]),
      ...times(1, [get(0), get(5, 'Pay')]),
      ...times(2, [get(0), get(0, 'Pay')]),
    ]);
    expect(await world.transitions()).toEqual([
      '10 Get 1 inactive>pending holds',
      '30 Get 2 pending>firing held_for',
      '50 Pay 1 inactive>pending holds',
      '70 Pay 2 pending>firing held_for',
      '90 Get 3 firing>resolved clear',
      '100 Pay 3 firing>resolved clear',
    ]);
    expect(told).toEqual([
      '30 alert.firing of 1',
      '70 alert.firing of 2',
      '90 alert.firing of 2',
      '100 alert.resolved of 1',
    ]);
  });

  it('ends and begins anew, `for` included, when the labels of its rule are changed; other words change nothing', async () => {
    const { id } = await world.rule({ ...RULE, for: '20s' });
    const change = (values: object) => () =>
      world.rules.replace(1, id, (before) => {
        const after = { ...before, ...values };
        return { values: after, isOther: meansOther(before, after) };
      });
    const told = await live(times(12, BAD), {
      between: { 4: change({ annotations: { summary: 'other words' } }), 6: change({ labels: { team: 'a' } }) },
    });
    expect(await world.transitions()).toEqual([
      '10 Get 1 inactive>pending holds',
      '30 Get 2 pending>firing held_for',
      '70 Get 3 firing>resolved rule_changed',
      '80 Get 4 resolved>pending holds',
      '100 Get 5 pending>firing held_for',
    ]);
    expect(told).toEqual(['30 alert.firing of 1', '70 alert.resolved of 1', '100 alert.firing of 1']);
    const [alert]: { labels: unknown }[] = await world.db.query(`select labels, annotations from alerts`);
    expect(alert).toMatchObject({ labels: { team: 'a' }, annotations: { summary: 'other words' } });
  });
});

describe('an alert of which there is no data any more', () => {
  // Something else is known, so that it is this series that is silent.
  const OTHER = get(0, 'Other');
  const windows = [...times(2, [get(5), OTHER]), ...times(3, [OTHER]), ...times(2, [get(5), OTHER])];
  it.each([
    ['keep', ['10 Get 1 inactive>firing holds']],
    [
      'resolve',
      ['10 Get 1 inactive>firing holds', '30 Get 2 firing>resolved no_data', '60 Get 3 resolved>firing holds'],
    ],
    ['no_data', ['10 Get 1 inactive>firing holds', '30 Get 2 firing>no_data no_data', '60 Get 3 no_data>firing holds']],
    ['fire', ['10 Get 1 inactive>firing holds']],
  ])('%s', async (noData, expected) => {
    await world.rule({ ...RULE, noData });
    await live(windows);
    expect(await world.transitions()).toEqual(expected);
  });
});

describe('a rule that cannot be evaluated', () => {
  it('says so with the reason, and the others go on', async () => {
    const slow = await world.rule({
      ...RULE,
      name: 'slow',
      services: ['cart'],
      measure: 'p99',
      window: '20s',
      above: 50,
      keepFiringFor: '1m',
    });
    await world.rule({ ...RULE, services: ['pay'] });
    const pay = (errors: number): Did => ({ service: 'pay', operation: 'Pay', n: 10, errors });
    const figures = async () => (await new MetricsStore(world.db).figures(1)).alerts;
    const seen: unknown[] = [];
    const mend = () =>
      world.db.query(
        `update rollups r set latency = o.latency from rollups o
          where r.latency = '\\x09' and o.operation_id = r.operation_id and o.window_at = r.window_at + interval '10 s'`,
      );
    const told = await live([...times(2, [get(0), pay(0)]), ...times(4, [get(0), pay(5)]), [get(0), pay(0)]], {
      spoil: {
        2: () =>
          world.db.query(`update rollups set latency = '\\x09' where window_at = (select max(window_at) from rollups)
               and operation_id = (select id from operations where name = 'Get')`),
      },
      between: {
        4: async () => seen.push(await figures()),
        // Before the minute is summed.
        5: async () => seen.push(await figures(), await mend()),
      },
    });
    const history = await new AlertStore(world.db).history(1, slow.id, 10, undefined);
    expect(history.map(({ atMs, from, to, reason }) => `${(atMs - BEGAN_MS) / 1_000} ${from}>${to} ${reason}`)).toEqual(
      [
        '50 error>inactive evaluated',
        '30 inactive>error failed: cart Get: histogram format 9 is not known',
        '10 inactive>firing holds',
      ],
    );
    expect(seen.slice(0, 2)).toEqual([{ error: 1, firing: 2 }, { firing: 2 }]);
    expect(told.filter((line) => !line.startsWith('70 alert.firing'))).toEqual([
      '10 alert.firing of 1',
      '30 alert.firing of 1',
      '70 alert.resolved of 1',
    ]);
  });
});
