import { describe, expect, it } from '@jest/globals';
import type { Route, Routing } from '../model/routing.js';
import { DEFAULT_ROUTING } from './default-routing.js';
import { parseMatchers } from './parse-matcher.js';
import { allRoutes, groupKey, groupLabels, routesFor } from './tree.js';

function route(matchers: string, change: Partial<Route> = {}): Route {
  return { matchers: parseMatchers(matchers), continue: false, routes: [], ...change };
}

const tree: Pick<Routing, 'route'> = {
  route: {
    ...DEFAULT_ROUTING.route,
    receiver: 'root',
    groupBy: ['alertname'],
    muteTimes: ['nights'],
    routes: [
      route('team=web', {
        receiver: 'web',
        groupWaitS: 5,
        routes: [
          route('severity=critical', { receiver: 'web-pager', groupBy: ['...'] }),
          route('env=test', { groupWaitS: 7 }),
        ],
      }),
      route('team=~"db|cache"', { receiver: 'db', continue: true }),
      route('severity=critical', { receiver: 'pager' }),
      route('severity=critical', { receiver: 'never reached' }),
    ],
  },
};

describe('routesFor', () => {
  it.each([
    [{}, ['root']],
    [{ team: 'web' }, ['web']],
    [{ team: 'web', severity: 'critical' }, ['web-pager']],
    [{ team: 'web', severity: 'critical', env: 'test' }, ['web-pager']],
    [{ team: 'db' }, ['db']],
    [{ team: 'cache', severity: 'critical' }, ['db', 'pager']],
    [{ severity: 'critical' }, ['pager']],
  ])('%j goes to %j', (labels, receivers) => {
    expect(routesFor(tree, labels as Record<string, string>).map(({ settings }) => settings.receiver)).toEqual(
      receivers,
    );
  });

  it('inherits what a route leaves out, but not when it is quiet', () => {
    const [found] = routesFor(tree, { team: 'web', env: 'test' });
    expect(found?.settings).toMatchObject({ receiver: 'web', groupWaitS: 7, groupBy: ['alertname'], muteTimes: [] });
    expect(routesFor(tree, {})[0]?.settings.muteTimes).toEqual(['nights']);
  });

  it('has keys that tell routes apart and stay when another route is added before', () => {
    const keys = allKeys(tree);
    expect(new Set(keys).size).toBe(keys.length);
    const grown = { route: { ...tree.route, routes: [route('new=one'), ...tree.route.routes] } };
    for (const labels of [{ team: 'web' }, { severity: 'critical' }, {}]) {
      expect(routesFor(grown, labels as Record<string, string>)[0]?.key).toBe(
        routesFor(tree, labels as Record<string, string>)[0]?.key,
      );
    }
    const twins = { route: { ...tree.route, routes: [route('a=b', { continue: true }), route('a=b')] } };
    expect(new Set(routesFor(twins, { a: 'b' }).map(({ key }) => key)).size).toBe(2);
  });

  it('lists every route with its place', () => {
    expect(allRoutes(tree).map(({ path }) => path)).toEqual([
      'route',
      'route.routes.0',
      'route.routes.0.routes.0',
      'route.routes.0.routes.1',
      'route.routes.1',
      'route.routes.2',
      'route.routes.3',
    ]);
  });
});

function allKeys(routing: Pick<Routing, 'route'>): string[] {
  const labels = [{}, { team: 'web' }, { team: 'web', severity: 'critical' }, { team: 'db' }, { severity: 'critical' }];
  return labels.map((each) => routesFor(routing, each as Record<string, string>)[0]!.key);
}

describe('groups', () => {
  it.each([
    [['alertname'], { alertname: 'a', x: '1' }, { alertname: 'a' }],
    [['x', 'alertname', 'x'], { alertname: 'a', x: '1' }, { alertname: 'a', x: '1' }],
    [['missing'], { alertname: 'a' }, {}],
    [['empty'], { empty: '' }, {}],
    [['...'], { b: '2', a: '1' }, { a: '1', b: '2' }],
    [[], { a: '1' }, {}],
  ])('by %j of %j: %j', (groupBy, labels, expected) => {
    expect(groupLabels(groupBy as string[], labels as Record<string, string>)).toEqual(expected);
  });

  it('have keys that no choice of labels makes equal', () => {
    expect(groupKey('{}', { a: '1"},{b="2' })).not.toBe(groupKey('{}', { a: '1', b: '2' }));
    expect(groupKey('{}', { a: '1' })).toBe('{}:{a="1"}');
  });
});

it('leads an incident through the default tree at once, and other alerts after one window', () => {
  const [incident] = routesFor(DEFAULT_ROUTING, { alertname: 'x', incident: 'i1' });
  expect(incident?.settings).toMatchObject({
    groupBy: ['incident'],
    groupWaitS: 0,
    groupIntervalS: 0,
    repeatIntervalS: 14_400,
  });
  const [other] = routesFor(DEFAULT_ROUTING, { alertname: 'x' });
  expect(other?.settings).toMatchObject({ groupBy: ['alertname'], groupWaitS: 10, groupIntervalS: 60 });
});
