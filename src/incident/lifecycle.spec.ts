import { describe, expect, it } from '@jest/globals';
import type { AnomalyGroup, Way } from '../model/group.js';
import type { Affected, Incident } from '../model/incident.js';
import { WINDOW_MS } from '../model/window.js';
import { step } from './lifecycle.js';

const affected = (operationId: number, score = 20): Affected => ({
  operationId,
  service: `s${operationId}`,
  operation: 'op',
  signal: 'latency',
  quantile: 0.5,
  observed: 2,
  expected: 1,
  unit: 'us',
  n: 10,
  score,
  sinceMs: 0,
});
const group = (operationIds: number[], causes: [string, number][], more: Partial<AnomalyGroup> = {}): AnomalyGroup => ({
  windowAtMs: 0,
  severity: 'warning',
  sinceMs: 0,
  affected: operationIds.map((id) => affected(id)),
  causes: causes.map(([service, score], i) => ({
    operationId: 100 + i,
    service,
    operation: 'op',
    score,
    evidence: [],
    exemplars: [],
  })),
  exemplars: ['t1'],
  ...more,
});

/** Plays windows one after another; null is a window without data. Returns what was told as `window:kind`. */
function play(
  windows: (AnomalyGroup[] | null)[],
  resolvedByHandBefore: number | null = null,
): { told: string[]; incidents: Incident[] } {
  const known = new Map<string, Incident>();
  const told: string[] = [];
  windows.forEach((groups, i) => {
    if (i === resolvedByHandBefore) {
      for (const [id, incident] of known) {
        known.set(id, { ...incident, state: 'resolved', resolvedMs: i * WINDOW_MS, resolvedBy: 'ann' });
      }
    }
    const changes = step(
      [...known.values()],
      groups ?? [],
      {
        atMs: i * WINDOW_MS,
        hasData: groups !== null,
        before: windows.slice(Math.max(0, i - 3), i).flatMap((each) => each ?? []),
      },
      { tenantId: 1, idOf: (no) => `i${i}.${no}` },
    );
    for (const { incident, event } of changes) {
      known.set(incident.id, incident);
      if (event !== null) told.push(`${i}:${event.kind}`);
    }
  });
  return { told, incidents: [...known.values()] };
}
const rooted = (services: string[], causes: [string, number][], operationIds: number[], behind: string[] = []) => [
  group(operationIds, causes, { roots: services.map((service) => ({ service, score: 0.95, behind })) }),
];
/** One service at fault in the given ways. */
const inWays = (...ways: Way[]): AnomalyGroup[] => [
  group([1], [['s1', 0.9]], { roots: [{ service: 's1', score: 0.9, behind: [], ways }] }),
];
/** Its operation 5 began to deviate in that window. */
const since = (window: number, groups: AnomalyGroup[]): AnomalyGroup[] =>
  groups.map((each) => ({
    ...each,
    affected: each.affected.map((its) => (its.operationId === 5 ? { ...its, sinceMs: window * WINDOW_MS } : its)),
  }));
/** Nobody is known to be at fault. */
const unclear = (score: number, more: Partial<AnomalyGroup> = {}): AnomalyGroup[] => [
  group([1, 2], [['cart', score]], { roots: [], ...more }),
];
const again = <T>(n: number, windows: T): T[] => Array.from({ length: n }, () => windows);
const quiet = (n: number): [][] => Array.from({ length: n }, () => []);
const silent = (n: number): null[] => Array.from({ length: n }, () => null);
const cart = [group([1, 2], [['cart', 0.9]])];
/** Shows at the same door. */
const payment = [group([1, 9], [['payment', 0.9]])];

describe('step', () => {
  const table: { name: string; windows: (AnomalyGroup[] | null)[]; told: string[] }[] = [
    { name: 'nothing', windows: quiet(5), told: [] },
    {
      name: 'opens once and resolves after two quiet minutes',
      windows: [cart, cart, ...quiet(13)],
      told: ['0:opened', '13:resolved'],
    },
    { name: 'does not resolve in silence', windows: [cart, ...silent(40)], told: ['0:opened'] },
    {
      name: 'lets time pass in silence, but wants quiet data',
      windows: [cart, ...quiet(6), ...silent(9), ...quiet(6)],
      told: ['0:opened', '16:resolved'],
    },
    {
      name: 'a short pause is not an end',
      windows: [cart, ...quiet(8), cart, ...quiet(24)],
      told: ['0:opened', '33:resolved'],
    },
    {
      name: 'the same fault within five minutes is the same incident',
      windows: [cart, ...quiet(20), cart],
      told: ['0:opened', '12:resolved', '21:reopened'],
    },
    {
      name: 'later it is a new one',
      windows: [cart, ...quiet(60), cart],
      told: ['0:opened', '12:resolved', '61:opened'],
    },
    {
      name: 'another fault at the same door is another incident while the first grows quiet',
      windows: [cart, ...quiet(5), [group([1, 9], [['payment', 0.9]])]],
      told: ['0:opened', '6:opened'],
    },
    {
      name: 'an open incident takes what touches it',
      windows: [cart, [group([2, 7], [['payment', 0.9]])]],
      told: ['0:opened'],
    },
    {
      name: 'once it is settled whom it blames, a fault of somebody else at the same door is another incident, and stays so',
      windows: [...Array.from({ length: 8 }, () => cart), ...Array.from({ length: 4 }, () => payment)],
      told: ['0:opened', '8:opened'],
    },
    {
      name: 'a faint suspicion against somebody else opens nothing',
      windows: [...Array.from({ length: 8 }, () => cart), [group([1], [['payment', 0.3]])]],
      told: ['0:opened'],
    },
    {
      name: 'two unrelated faults at once are two, and a second one at the same door eight minutes later is one more',
      windows: [
        ...Array.from({ length: 12 }, () => [cart[0]!, group([8], [['index', 0.9]])]),
        ...quiet(36),
        ...Array.from({ length: 12 }, () => payment),
        ...quiet(12),
      ],
      told: ['0:opened', '0:opened', '23:resolved', '23:resolved', '48:opened', '71:resolved'],
    },
    {
      name: 'a service that comes to be at fault while the first still is: told once, in two windows',
      windows: [
        ...again(8, rooted(['s1'], [['s1', 0.9]], [1, 2])),
        ...again(
          8,
          rooted(
            ['s1', 's5'],
            [
              ['s1', 0.9],
              ['s5', 0.9],
            ],
            [1, 2, 5],
          ),
        ),
        ...quiet(13),
      ],
      told: ['0:opened', '9:another_cause', '27:resolved'],
    },
    {
      name: 'whoever suffered from the beginning may be an echo',
      windows: [
        ...again(8, rooted(['s1'], [['s1', 0.9]], [1, 2])),
        ...again(
          8,
          rooted(
            ['s1', 's2'],
            [
              ['s1', 0.9],
              ['s2', 0.9],
            ],
            [1, 2],
          ),
        ),
      ],
      told: ['0:opened'],
    },
    {
      name: 'unless the first is not at fault any more: the cause was another',
      windows: [...again(2, rooted([], [['s1', 0.3]], [1, 2])), ...again(8, rooted(['s2'], [['s2', 0.95]], [1, 2]))],
      told: ['1:opened', '4:another_cause'],
    },
    {
      name: 'a cause that stands back for two windows is not refuted',
      windows: [
        ...rooted(['s1'], [['s1', 0.9]], [1, 2]).map((each) => [each]),
        ...again(
          7,
          rooted(
            ['s1', 's2'],
            [
              ['s1', 0.9],
              ['s2', 0.7],
            ],
            [1, 2],
          ),
        ),
        ...again(2, rooted(['s2'], [['s2', 0.7]], [1, 2])),
        ...again(8, rooted(['s1'], [['s1', 0.9]], [1, 2])),
      ],
      told: ['0:opened'],
    },
    {
      name: 'whoever begins to deviate while the first lasts is no echo of its beginning, though it is known to be at fault a window later',
      windows: [
        ...again(9, rooted(['s1'], [['s1', 0.9]], [1, 2])),
        since(9, rooted(['s1'], [['s1', 0.9]], [1, 2, 5])),
        ...again(
          4,
          since(
            9,
            rooted(
              ['s1', 's5'],
              [
                ['s1', 0.9],
                ['s5', 0.9],
              ],
              [1, 2, 5],
            ),
          ),
        ),
      ],
      told: ['0:opened', '11:another_cause'],
    },
    {
      name: 'a fault that shows in another way: told once, in two windows',
      windows: [...again(9, inWays('slow')), ...again(8, inWays('slow', 'failing')), ...quiet(13)],
      told: ['0:opened', '10:another_cause', '28:resolved'],
    },
    {
      name: 'what shows within a minute is the same fault, and what shows now and then is none',
      windows: [
        ...again(2, inWays('slow')),
        ...again(5, inWays('slow', 'failing')),
        ...again(3, [...again(4, inWays('failing')), inWays('failing', 'traffic')]).flat(),
      ],
      told: ['0:opened'],
    },
    {
      name: 'the way of a cause that comes back is known after a minute',
      windows: [...again(2, inWays('slow')), ...quiet(13), ...again(2, inWays('failing')), ...again(9, inWays('slow'))],
      told: ['0:opened', '13:resolved', '15:reopened'],
    },
    {
      name: 'nobody is known to be at fault: told when it shows again',
      windows: [unclear(0.4), [], [], unclear(0.4), ...quiet(13)],
      told: ['3:opened', '15:resolved'],
    },
    { name: 'and not when it does not', windows: [unclear(0.4), ...quiet(3), unclear(0.4)], told: [] },
    { name: 'at once when users feel it', windows: [unclear(0.4, { severity: 'critical' })], told: ['0:opened'] },
    { name: 'at once when it is plain who it is', windows: [unclear(0.9)], told: ['0:opened'] },
    {
      name: 'a second caller of the same database is no other cause',
      windows: [
        ...again(8, rooted(['s1'], [['s1', 0.9]], [1], ['SELECT shop'])),
        ...again(
          8,
          rooted(
            ['s1', 's5'],
            [
              ['s1', 0.9],
              ['s5', 0.9],
            ],
            [1, 5],
            ['SELECT shop'],
          ),
        ),
      ],
      told: ['0:opened'],
    },
    {
      name: 'what another incident tells of is not told twice, and a common group keeps both open',
      windows: [
        ...again(8, [...rooted(['s1'], [['s1', 0.9]], [1]), ...rooted(['s5'], [['s5', 0.9]], [5])]),
        ...again(
          20,
          rooted(
            ['s1', 's5'],
            [
              ['s1', 0.9],
              ['s5', 0.9],
            ],
            [1, 5],
          ),
        ),
        ...quiet(13),
      ],
      told: ['0:opened', '0:opened', '39:resolved', '39:resolved'],
    },
    {
      name: 'a gap in the stream, and the first windows after it quiet: it is over, and comes back as such',
      windows: [cart, ...silent(15), ...quiet(3), cart],
      told: ['0:opened', '18:resolved', '19:reopened'],
    },
    {
      name: 'still there after a gap: it never ended',
      windows: [cart, ...silent(15), ...quiet(2), cart],
      told: ['0:opened'],
    },
    {
      name: 'after a gap in the stream another fault is not the old one',
      windows: [cart, ...silent(15), payment],
      told: ['0:opened', '16:opened'],
    },
    {
      name: 'unrelated groups are two incidents',
      windows: [[cart[0]!, group([8], [['index', 1]])]],
      told: ['0:opened', '0:opened'],
    },
    {
      name: 'worse is told as an escalation',
      windows: [cart, [{ ...cart[0]!, severity: 'critical' }], cart],
      told: ['0:opened', '1:escalated'],
    },
  ];
  it.each(table)('$name', ({ windows, told }) => expect(play(windows).told).toEqual(told));

  it('names the new cause first where it is told, and keeps the list as it is', () => {
    const before = play(again(8, rooted(['s1'], [['s1', 0.9]], [1, 2]))).incidents;
    const both = rooted(
      ['s1', 's5'],
      [
        ['s1', 0.9],
        ['s5', 0.8],
      ],
      [1, 2, 5],
    );
    const at = (i: number) => ({ atMs: i * WINDOW_MS, hasData: true });
    const create = { tenantId: 1, idOf: () => 'new' };
    const [suspected] = step(before, both, at(8), create);
    const [change] = step([suspected!.incident], both, at(9), create);
    expect(change!.event).toEqual({ kind: 'another_cause', reason: 's5 is at fault too, or instead' });
    expect(change!.told!.causes.map(({ service }) => service)).toEqual(['s5', 's1']);
    expect(change!.incident.causes.map(({ service }) => service)).toEqual(['s1', 's5']);
  });

  it('does not tell anew of the cause of an incident from before suspects were kept', () => {
    const old: Incident = { ...play([rooted(['s1'], [['s1', 0.9]], [1])]).incidents[0]! };
    delete old.suspects;
    const changes = [1, 2, 3].flatMap((i) => {
      const window = { atMs: i * WINDOW_MS, hasData: true };
      return step([old], rooted(['s1'], [['s1', 0.9]], [1]), window, { tenantId: 1, idOf: () => 'new' });
    });
    expect(changes.map(({ event }) => event)).toEqual([null, null, null]);
  });

  it('takes longer to call it over each time it flaps', () => {
    const { told } = play([cart, ...quiet(4), cart, ...quiet(4), cart, ...quiet(60)]);
    expect(told).toEqual(['0:opened', '34:resolved']);
  });

  it('keeps the worst figures and weighs the newest causes', () => {
    const { incidents } = play([[group([1], [['cart', 1]])], [{ ...group([1], []), affected: [affected(1, 90)] }]]);
    expect(incidents).toHaveLength(1);
    expect(incidents[0]!.affected).toMatchObject([{ operationId: 1, score: 90 }]);
    expect(incidents[0]!.causes).toMatchObject([{ service: 'cart', score: 0.6 }]);
  });
});

describe('an incident that somebody resolves', () => {
  const times = (n: number, groups: AnomalyGroup[]) => Array.from({ length: n }, () => groups);
  const worse = [group([1, 2], [['cart', 0.9]], { severity: 'critical' })];
  it.each<{ name: string; windows: (AnomalyGroup[] | null)[]; told: string[] }>([
    { name: 'stays resolved while the same goes on, for hours', windows: times(1_000, cart), told: [] },
    { name: 'and when it ends then', windows: [...times(20, cart), ...quiet(100)], told: [] },
    { name: 'a short pause is no end', windows: [...times(3, cart), ...quiet(8), ...times(3, cart)], told: [] },
    { name: 'silence is no end', windows: [...times(3, cart), ...silent(28), ...times(3, cart)], told: [] },
    { name: 'it comes back when it gets worse', windows: [...times(3, cart), worse, cart], told: ['13:reopened'] },
    {
      name: 'it comes back when it had ended, and ends as any',
      windows: [...times(3, cart), ...quiet(20), ...times(2, cart), ...quiet(30)],
      told: ['33:reopened', '58:resolved'],
    },
    { name: 'later it is a new one', windows: [...times(3, cart), ...quiet(40), cart], told: ['53:opened'] },
    { name: 'what somebody else does is another', windows: [...times(3, cart), payment], told: ['13:opened'] },
  ])('$name', ({ windows, told }) => {
    expect(play([...times(10, cart), ...windows], 10).told).toEqual(['0:opened', ...told]);
  });
});
