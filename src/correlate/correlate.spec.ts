import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { mulberry32 } from '../../test/support/shop.js';
import type { CorrelationScope } from '../model/correlation.js';
import type { Place, Term, TraceTerms } from '../model/trace-terms.js';
import { correlate, type FirstSeen } from './correlate.js';

type Said = readonly [scope: CorrelationScope, place: string, key: string, value: string | number];
const nothingKnown: FirstSeen = () => null;

/** Traces by what their spans say; a place is `service` or `service/operation`. */
function sampleOf(said: ReadonlyMap<string, readonly Said[]>): TraceTerms {
  const places: Place[] = [];
  const terms: Term[] = [];
  const index = new Map<string, number>();
  const number = (name: string, make: () => number): number => {
    if (!index.has(name)) index.set(name, make());
    return index.get(name)!;
  };
  const traces = new Map<string, { places: Set<number>; terms: Set<number> }>();
  for (const [traceId, list] of said) {
    const trace = { places: new Set<number>(), terms: new Set<number>() };
    for (const [scope, at, key, value] of list) {
      const [service = '', operation = null] = at.split('/');
      const place = number(at, () => places.push({ service, operation }) - 1);
      trace.places.add(place);
      trace.terms.add(
        number(JSON.stringify([scope, at, key, value]), () => {
          const asNumber = typeof value === 'number' ? value : null;
          return terms.push({ scope, place, key, value: String(value), number: asNumber }) - 1;
        }),
      );
    }
    traces.set(traceId, trace);
  }
  return { places, terms, traces, left: {} };
}

/** n bad and n good traces; `say` is told which trace it is and gets seeded chance. */
function compare(
  n: number,
  say: (isBad: boolean, i: number, random: () => number) => Said[],
  firstSeen: FirstSeen = nothingKnown,
  seed = 1,
) {
  const random = mulberry32(seed);
  const said = new Map<string, Said[]>();
  const ids = (side: string) => Array.from({ length: n }, (_, i) => `${side}${i}`);
  const [bad, good] = [ids('bad'), ids('good')];
  bad.forEach((id, i) => said.set(id, say(true, i, random)));
  good.forEach((id, i) => said.set(id, say(false, i, random)));
  return correlate(sampleOf(said), bad, good, firstSeen).correlations;
}

const short = (found: ReturnType<typeof compare>) =>
  found.map((each) => [each.key, each.value, ...each.alsoAs.map((also) => `${also.key} ${also.value}`)].join(' '));
const one = <T>(of: readonly T[], random: () => number): T => of[Math.floor(random() * of.length)]!;

describe('correlate', () => {
  it('names the version and the pod that the bad traces went through, in one line', () => {
    const isKnown: FirstSeen = (service, key, value) =>
      service === 'cart' && key === 'service.version' && value === '2.4.1' ? { atMs: 9, isNew: true } : null;
    const found = compare(
      200,
      (isBad, _i, random) => {
        const pod = isBad && random() < 0.95 ? 'cart-c' : one(['cart-a', 'cart-b', 'cart-c'], () => random() * 0.72);
        return [
          ['resource', 'cart', 'k8s.pod.name', pod],
          ['resource', 'cart', 'service.version', pod === 'cart-c' ? '2.4.1' : '2.4.0'],
          ['resource', 'cart', 'telemetry.sdk.language', 'java'],
          ['span', 'cart/GetCart', 'http.request.method', 'GET'],
          ['span', 'cart/GetCart', 'user.tier', one(['gold', 'free'], random)],
        ];
      },
      isKnown,
    );
    expect(short(found)).toEqual(['service.version 2.4.1 k8s.pod.name cart-c']);
    expect(found[0]).toMatchObject({ service: 'cart', operation: null, badN: 200, goodN: 200, explainedBy: null });
    expect(found[0]!.badShare).toBeGreaterThan(0.9);
    expect(found[0]!.goodShare).toBeLessThan(0.15);
    expect(found[0]!.effect).toBeCloseTo(found[0]!.badShare - found[0]!.goodShare);
    expect(found[0]).toMatchObject({ firstSeenMs: 9, isNew: true });
  });

  it('gives the exact shares, odds and q', () => {
    // 10 of 20 bad and 0 of 20 good: p = C(20,10) / C(40,10) = 184756 / 847660528; one value tested, since "no" is fewer among the bad
    // but is tested too: q = 2 p.
    const found = compare(20, (isBad, i) => [['span', 'a/b', 'cache.hit', isBad && i < 10 ? 'no' : 'yes']]);
    expect(found).toHaveLength(1);
    expect(found[0]).toMatchObject({ badShare: 0.5, goodShare: 0, effect: 0.5, badN: 20, goodN: 20 });
    expect(found[0]!.oddsRatio).toBeCloseTo((10.5 * 20.5) / (10.5 * 0.5));
    expect(found[0]!.q).toBeCloseTo((2 * 184_756) / 847_660_528, 10);
  });

  it('holds the rest of the fault against the pod of a version, and keeps both when each tells something', () => {
    const found = compare(200, (isBad, _i, random) => {
      const isNew = random() < (isBad ? 0.9 : 0.2);
      // Two pods of the new version, either of which is as bad; and, apart from that, a tenant that suffers more.
      const pod = isNew ? one(['p1', 'p2'], random) : one(['p3', 'p4', 'p5'], random);
      return [
        ['resource', 'cart', 'service.version', isNew ? '2' : '1'],
        ['resource', 'cart', 'k8s.pod.name', pod],
        ['span', 'web/GET', 'tenant', random() < (isBad ? 0.7 : 0.2) ? 'acme' : 'other'],
      ];
    });
    expect(short(found.filter((each) => each.explainedBy === null))).toEqual(['service.version 2', 'tenant acme']);
    expect(short(found.filter((each) => each.explainedBy === 0)).toSorted()).toEqual([
      'k8s.pod.name p1',
      'k8s.pod.name p2',
    ]);
  });

  it('names the pod when only one pod of the version is ill', () => {
    const found = compare(200, (isBad, _i, random) => {
      const pod = isBad && random() < 0.95 ? 'p1' : one(['p1', 'p2', 'p3', 'p4'], random);
      return [
        ['resource', 'cart', 'service.version', pod === 'p1' || pod === 'p2' ? '2' : '1'],
        ['resource', 'cart', 'k8s.pod.name', pod],
      ];
    });
    expect(short(found.filter((each) => each.explainedBy === null))).toEqual(['k8s.pod.name p1']);
  });

  it('does not blame every instance when bad traces make more calls', () => {
    const found = compare(200, (isBad, _i, random) => {
      const calls = isBad ? 6 : 1;
      return Array.from({ length: calls }, (): Said => [
        'resource',
        'db',
        'host.name',
        one(['a', 'b', 'c', 'd'], random),
      ]);
    });
    expect(found).toEqual([]);
  });

  it('compares only traces in which the service took part', () => {
    const found = compare(200, (isBad, i) => [
      ['resource', 'web', 'host.name', `w${i % 3}`],
      // Only bad traces get as far as the database, whose one host has nothing to do with it.
      ...(isBad || i % 4 === 0 ? [['resource', 'db', 'host.name', 'db-1'] as const] : []),
    ]);
    expect(found).toEqual([]);
  });

  it('says what failed besides what may be why', () => {
    const found = compare(100, (isBad, i, random) => [
      ['resource', 'pay', 'cloud.region', isBad && i % 10 !== 0 ? 'eu' : one(['eu', 'us', 'ap'], random)],
      ['span', 'pay/Charge', 'http.response.status_code', isBad ? 500 : 200],
      ...(isBad ? [['event', 'pay/Charge', 'exception.type', 'Timeout'] as const] : []),
    ]);
    expect(short(found)).toEqual(['cloud.region eu', 'http.response.status_code 500 exception.type Timeout']);
    expect(found.map((each) => each.isSymptom)).toEqual([false, true]);
  });

  it('cuts amounts', () => {
    const found = compare(150, (isBad, _i, random) => [
      ['span', 'web/GET', 'cart.items', Math.floor(random() * (isBad ? 400 : 100) + (isBad ? 100 : 0))],
      ['span', 'web/GET', 'request.duration_ms', Math.floor(random() * 100 + (isBad ? 1_000 : 0))],
      ['span', 'web/GET', 'thread.id', Math.floor(random() * 100 + (isBad ? 1_000 : 0))],
    ]);
    expect(found).toHaveLength(1);
    expect(found[0]).toMatchObject({ key: 'cart.items', alsoAs: [] });
    expect(found[0]!.value).toMatch(/^≥ \d+$/);
    expect(found[0]!.badShare).toBeGreaterThan(0.9);
    expect(found[0]!.goodShare).toBeLessThan(0.1);
  });

  it.each([
    ['user.session', 'abc', 'a secret by its key'],
    ['http.request.header.authorization', 'basic', 'a secret by its key'],
    ['order', '0f8fad5b-d9cb-469f-a165-70867728950e', 'a UUID'],
    ['order', '4bf92f3577b34da6a3ce929d0e0e4736', 'hex'],
    ['order', '1700000000123', 'a time'],
    ['order', '2026-11-21T03:11:40Z', 'a time'],
    ['order', 'jane@example.com', 'an address'],
    ['order', 'eyJhbGciOiJIUzI1NiJ9eyJzdWIiOiIxIn0', 'a token'],
  ])('never tells %s %s: %s', (key, value) => {
    expect(compare(50, (isBad) => [['span', 'a/b', key, isBad ? value : 'usual']])).toEqual([]);
    expect(compare(50, (isBad) => [['span', 'a/b', 'order.kind', isBad ? 'bulk' : 'usual']])).toHaveLength(1);
  });

  it('finds the instance though it is named by an id', () => {
    const ids = ['0f8fad5b-d9cb-469f-a165-70867728950e', '7c9e6679-7425-40de-944b-e07fc1f90ae7'];
    const found = compare(50, (isBad) => [['resource', 'cart', 'service.instance.id', ids[isBad ? 0 : 1]!]]);
    expect(short(found)).toEqual([`service.instance.id ${ids[0]}`]);
  });

  it('leaves out a small difference, a small corner, and few traces', () => {
    const half = (share: number, isBad: boolean, i: number): Said[] => [
      ['span', 'a/b', 'k', i < share * 200 ? (isBad ? 'x' : 'y') : 'z'],
    ];
    expect(compare(200, (isBad, i) => half(0.19, isBad, i))).toEqual([]);
    expect(compare(200, (isBad, i) => half(0.21, isBad, i))).toHaveLength(1);
    expect(compare(4, (isBad) => [['span', 'a/b', 'k', isBad ? 'x' : 'y']])).toEqual([]);
    expect(compare(0, () => [])).toEqual([]);
  });

  it('does not depend on the order of traces or of what they say', () => {
    const said = (seed: number) => {
      const random = mulberry32(seed);
      return Array.from({ length: 80 }, (_, i): [string, Said[]] => [
        `${i < 40 ? 'bad' : 'good'}${i}`,
        [
          ['resource', 'a', 'host.name', one(['h1', 'h2', i < 40 ? 'h1' : 'h3'], random)],
          ['span', 'a/x', 'flag', one(['on', i < 40 ? 'on' : 'off'], random)],
          ['span', 'a/x', 'size', Math.floor(random() * 50) + (i < 40 ? 20 : 0)],
        ],
      ]);
    };
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 1_000 }), fc.integer({ min: 1, max: 1_000 }), (seed, other) => {
        const traces = said(seed);
        const run = (list: [string, Said[]][]) => {
          const ids = list.map(([id]) => id);
          const isBad = (id: string) => id.startsWith('bad');
          return correlate(
            sampleOf(new Map(list)),
            ids.filter(isBad),
            ids.filter((id) => !isBad(id)),
            nothingKnown,
          );
        };
        const random = mulberry32(other);
        const shuffled = traces
          .map(([id, list]): [string, Said[]] => [id, list.toReversed()])
          .sort(() => random() - 0.5);
        expect(run(shuffled)).toEqual(run(traces));
      }),
      { numRuns: 30 },
    );
  });

  it('claims nothing in 200 random splits of traces that are all alike, but for about one in a hundred', () => {
    let wrong = 0;
    for (let seed = 1; seed <= 200; seed++) {
      const found = compare(
        40,
        (_isBad, i, random) => [
          ...Array.from({ length: 8 }, (_, k): Said => ['span', 'a/x', `key${k}`, one(['p', 'q', 'r', 's'], random)]),
          ...Array.from({ length: 4 }, (_, k): Said => [
            'span',
            'a/x',
            `rare${k}`,
            random() < 0.9 ? 'usual' : `v${i % 5}`,
          ]),
          ['resource', 'a', 'host.name', one(['h1', 'h2', 'h3'], random)],
          ['span', 'a/x', 'amount', Math.floor(random() * 1_000)],
        ],
        nothingKnown,
        seed,
      );
      if (found.length > 0) wrong++;
    }
    expect(wrong).toBeLessThanOrEqual(6);
  });
});
