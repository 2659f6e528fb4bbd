import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { Member, Told } from '../model/alert-group.js';
import type { Severity } from '../model/incident.js';
import type { FlushInput } from './flush-input.js';
import { onGrid } from './flush-timing.js';
import { decideFlush } from './flush.js';

const NOW = 1_000_000;
const HOUR_S = 3_600;

function member(
  id: string,
  change: { firing?: boolean; severity?: Severity; reason?: string } & Partial<Member> = {},
): Member {
  const { firing = true, severity = 'warning', reason = 'opened', ...rest } = change;
  return {
    alert: { id, labels: { alertname: id, severity } } as unknown as Member['alert'],
    reason,
    isFiring: firing,
    routedAtMs: NOW,
    channelIds: null,
    isDetached: false,
    toldElsewhere: [],
    ...rest,
  };
}

const ended = (id: string) => member(id, { firing: false, reason: 'resolved' });

function told(ids: string[], atMs = NOW - 1_000, severity: Severity = 'warning'): Told {
  return { firing: Object.fromEntries(ids.map((id) => [id, severity])), atMs };
}

function input(change: Partial<FlushInput> & { shown?: Record<string, Told> }): FlushInput {
  const { shown = {}, ...rest } = change;
  return {
    group: { firstToldAtMs: null, escalatedAtMs: null, acknowledgedAtMs: null },
    settings: { repeatIntervalS: 4 * HOUR_S, groupIntervalS: 0, tellEscalations: false, escalateAfterS: null },
    members: [],
    told: new Map(Object.entries(shown)),
    waiting: new Set(),
    enabled: new Set(['A', 'B', 'E']),
    receiver: { channelIds: ['A'], sendResolved: true },
    escalation: { channelIds: [] },
    held: () => null,
    quiet: null,
    nowMs: NOW,
    ...rest,
  };
}

/** `A first a+b -c`: told A for the first time, a and b fire, c ended. */
function said(decision: ReturnType<typeof decideFlush>): string[] {
  return decision.messages.map(({ channelId, reason, firing, resolved }) => {
    const names = [firing.map(({ alert }) => alert.id).join('+'), ...resolved.map(({ alert }) => `-${alert.id}`)];
    return [channelId, reason, ...names.filter((each) => each !== '')].join(' ');
  });
}

const because = (decision: ReturnType<typeof decideFlush>) =>
  decision.verdicts.map(({ alertId, send, reason, detail }) =>
    `${alertId} ${send ? '' : 'not: '}${reason} ${detail ?? ''}`.trim(),
  );

const silenced =
  (...ids: string[]): FlushInput['held'] =>
  ({ id }) =>
    ids.includes(id) ? { reason: 'silenced', detail: 's1', untilMs: NOW + 60_000 } : null;

describe('decideFlush', () => {
  const cases: {
    name: string;
    given: Parameters<typeof input>[0];
    says: string[];
    why: string[];
    gone?: string[];
    next?: number | null;
  }[] = [
    {
      name: 'a new group',
      given: { members: [member('a'), member('b')] },
      says: ['A first a+b'],
      why: ['a first', 'b first'],
      next: NOW + 4 * HOUR_S * 1_000,
    },
    {
      name: 'nothing new',
      given: { members: [member('a')], shown: { A: told(['a']) } },
      says: [],
      why: ['a not: already_told'],
    },
    {
      name: 'another cause of what was told',
      given: {
        members: [
          member('a', { reason: 'another_cause' }),
          member('b', { routedAtMs: NOW - 2_000, reason: 'another_cause' }),
        ],
        shown: { A: told(['a', 'b']) },
        group: { firstToldAtMs: NOW - 60_000, escalatedAtMs: null, acknowledgedAtMs: NOW - 30_000 },
      },
      says: ['A another_cause a+b'],
      why: ['a another_cause', 'b not: already_told'],
    },
    {
      name: 'a further alert: the message has the whole group',
      given: { members: [member('a'), member('b')], shown: { A: told(['a']) } },
      says: ['A new_alerts a+b'],
      why: ['a not: already_told', 'b new_alerts'],
    },
    {
      name: 'one of two ended',
      given: { members: [member('a'), ended('b')], shown: { A: told(['a', 'b']) } },
      says: ['A some_resolved a -b'],
      why: ['a not: already_told', 'b some_resolved'],
      gone: ['b'],
    },
    {
      name: 'one ended and one new in the same look: once',
      given: { members: [member('c'), ended('a')], shown: { A: told(['a']) } },
      says: ['A new_alerts c -a'],
      why: ['c new_alerts', 'a new_alerts'],
      gone: ['a'],
    },
    {
      name: 'all ended',
      given: { members: [ended('a'), ended('b')], shown: { A: told(['a', 'b']) } },
      says: ['A all_resolved -a -b'],
      why: ['a all_resolved', 'b all_resolved'],
      gone: ['a', 'b'],
      next: null,
    },
    {
      name: 'it came and went before anybody was told',
      given: { members: [ended('a')] },
      says: [],
      why: ['a not: never_told'],
      gone: ['a'],
      next: null,
    },
    {
      name: 'one came and went inside a group that was told of another',
      given: { members: [member('a'), ended('b')], shown: { A: told(['a']) } },
      says: [],
      why: ['a not: already_told', 'b not: never_told'],
      gone: ['b'],
    },
    {
      name: 'repeat',
      given: { members: [member('a')], shown: { A: told(['a'], NOW - 4 * HOUR_S * 1_000) } },
      says: ['A repeat a'],
      why: ['a repeat'],
    },
    {
      name: 'no repeat for who has not got the last message yet: it counts as one',
      given: {
        members: [member('a')],
        shown: { A: told(['a'], NOW - 5 * HOUR_S * 1_000) },
        waiting: new Set(['A']),
      },
      says: [],
      why: ['a not: already_told'],
      next: NOW + 4 * HOUR_S * 1_000,
    },
    {
      name: 'no repeat of what somebody acknowledged',
      given: {
        members: [member('a')],
        shown: { A: told(['a'], NOW - 9 * HOUR_S * 1_000) },
        group: { firstToldAtMs: 0, escalatedAtMs: null, acknowledgedAtMs: NOW - 1 },
      },
      says: [],
      why: ['a not: already_told'],
      next: null,
    },
    {
      name: 'told by a clock that was ahead: the repeat counts from now',
      given: { members: [member('a')], shown: { A: told(['a'], NOW + 99 * HOUR_S * 1_000) } },
      says: [],
      why: ['a not: already_told'],
      next: NOW + 4 * HOUR_S * 1_000,
    },
    {
      name: 'silenced: held, looked at again when the silence ends',
      given: { members: [member('a')], held: silenced('a') },
      says: [],
      why: ['a not: silenced s1'],
      next: NOW + 60_000,
    },
    {
      name: 'one of two silenced',
      given: { members: [member('a'), member('b')], held: silenced('a') },
      says: ['A first b'],
      why: ['a not: silenced s1', 'b first'],
    },
    {
      name: 'silenced after it was told, over its repeat: no word',
      given: {
        members: [member('a')],
        held: silenced('a'),
        shown: { A: told(['a'], 0) },
        settings: { ...input({}).settings, repeatIntervalS: 1 },
      },
      says: [],
      why: ['a not: silenced s1'],
      next: NOW + 60_000,
    },
    {
      name: 'ended under a silence, having been told: its end is owed',
      given: { members: [ended('a')], held: silenced('a'), shown: { A: told(['a']) } },
      says: ['A all_resolved -a'],
      why: ['a all_resolved'],
      gone: ['a'],
    },
    {
      name: 'a mute time holds everything, ends too, minute by minute',
      given: { members: [member('a'), ended('b')], shown: { A: told(['b']) }, quiet: 'nights' },
      says: [],
      why: ['a not: muted nights', 'b not: muted nights'],
      gone: [],
      next: 1_020_000,
    },
    {
      name: 'two channels are told each in its own time',
      given: {
        members: [member('a'), member('b')],
        receiver: { channelIds: ['A', 'B'], sendResolved: true },
        shown: { A: told(['a', 'b']), B: told(['a']) },
      },
      says: ['B new_alerts a+b'],
      why: ['a not: already_told', 'b new_alerts'],
    },
    {
      name: 'a channel that was added later hears of what still fires',
      given: {
        members: [member('a')],
        receiver: { channelIds: ['A', 'B'], sendResolved: true },
        shown: { A: told(['a']) },
      },
      says: ['B first a'],
      why: ['a first'],
    },
    {
      name: 'a channel that left the receiver is owed the end and nothing else',
      given: {
        members: [member('new'), ended('a')],
        receiver: { channelIds: ['B'], sendResolved: true },
        shown: { A: told(['a']) },
      },
      says: ['B first new', 'A all_resolved -a'],
      why: ['new first', 'a all_resolved'],
      gone: ['a'],
    },
    {
      name: 'an alert whose rule names channels goes to those',
      given: { members: [member('a', { channelIds: ['B'] }), member('b')] },
      says: ['B first a', 'A first b'],
      why: ['a first', 'b first'],
    },
    {
      name: 'an alert that the tree leads elsewhere by now only ends here',
      given: {
        members: [member('a', { isDetached: true }), member('b', { isDetached: true, firing: false })],
        shown: { A: told(['a', 'b']) },
        settings: { ...input({}).settings, repeatIntervalS: 0 },
      },
      says: ['A all_resolved -b'],
      why: ['a not: already_told', 'b all_resolved'],
      gone: ['b'],
      next: null,
    },
    {
      name: 'whoever was told of it in another group, which the tree has left since, hears no more here',
      given: {
        members: [member('a', { toldElsewhere: ['A'] })],
        receiver: { channelIds: ['A', 'B'], sendResolved: true },
      },
      says: ['B first a'],
      why: ['a first'],
    },
    {
      name: 'no channel',
      given: { members: [member('a')], enabled: new Set<string>() },
      says: [],
      why: ['a not: no_channel'],
    },
    {
      name: 'its end, and the channel is switched off',
      given: { members: [ended('a')], enabled: new Set<string>(), shown: { A: told(['a']) } },
      says: [],
      why: ['a not: no_channel'],
      gone: ['a'],
    },
    {
      name: 'a receiver without ends forgets silently, so that the next time is new',
      given: {
        members: [ended('a'), member('b')],
        receiver: { channelIds: ['A'], sendResolved: false },
        shown: { A: told(['a', 'b']) },
      },
      says: [],
      why: ['a not: already_told', 'b not: already_told'],
      gone: ['a'],
    },
    {
      name: 'worse, where the route tells that',
      given: {
        members: [member('a', { severity: 'critical', reason: 'escalated' })],
        shown: { A: told(['a']) },
        settings: { ...input({}).settings, tellEscalations: true },
      },
      says: ['A escalation a'],
      why: ['a escalation'],
    },
    {
      name: 'worse, where it does not',
      given: { members: [member('a', { severity: 'critical', reason: 'escalated' })], shown: { A: told(['a']) } },
      says: [],
      why: ['a not: already_told'],
    },
    {
      name: 'came back without having been gone',
      given: { members: [member('a', { reason: 'reopened' })], shown: { A: told(['a']) } },
      says: [],
      why: ['a not: flapping_already_told'],
    },
    {
      name: 'nobody acknowledged: somebody else is told',
      given: {
        members: [member('a')],
        shown: { A: told(['a']) },
        group: { firstToldAtMs: NOW - 900_000, escalatedAtMs: null, acknowledgedAtMs: null },
        settings: { ...input({}).settings, escalateAfterS: 900 },
        escalation: { channelIds: ['E'] },
      },
      says: ['E escalation a'],
      why: ['a escalation'],
    },
    {
      name: 'not yet: looked at again when it is time',
      given: {
        members: [member('a')],
        shown: { A: told(['a']) },
        group: { firstToldAtMs: NOW - 100_000, escalatedAtMs: null, acknowledgedAtMs: null },
        settings: { ...input({}).settings, escalateAfterS: 900 },
        escalation: { channelIds: ['E'] },
      },
      says: [],
      why: ['a not: already_told'],
      next: NOW + 800_000,
    },
    {
      name: 'acknowledged in time: nobody else is told',
      given: {
        members: [member('a')],
        shown: { A: told(['a']) },
        group: { firstToldAtMs: NOW - 900_000, escalatedAtMs: null, acknowledgedAtMs: NOW - 1 },
        settings: { ...input({}).settings, escalateAfterS: 900 },
        escalation: { channelIds: ['E'] },
      },
      says: [],
      why: ['a not: already_told'],
    },
    {
      name: 'whoever it was escalated to hears of the end as well',
      given: {
        members: [ended('a')],
        shown: { A: told(['a']), E: told(['a']) },
        group: { firstToldAtMs: 0, escalatedAtMs: 1, acknowledgedAtMs: null },
        escalation: { channelIds: ['E'] },
      },
      says: ['A all_resolved -a', 'E all_resolved -a'],
      why: ['a all_resolved'],
      gone: ['a'],
    },
  ];
  it.each(cases)('$name', ({ given, says, why, gone = [], next }) => {
    const decision = decideFlush(input(given));
    expect(said(decision)).toEqual(says);
    expect(because(decision)).toEqual(why);
    expect(decision.gone).toEqual(gone);
    if (next !== undefined) expect(decision.nextAtMs).toBe(next);
  });

  it('tells a channel of each alert a beginning and an end in turn, whatever happens, and never asks to be woken in the past', () => {
    const step = fc.record({
      firing: fc.dictionary(fc.constantFrom('a', 'b', 'c'), fc.boolean(), { maxKeys: 3 }),
      silenced: fc.subarray(['a', 'b', 'c']),
      quiet: fc.boolean(),
      enabled: fc.subarray(['A', 'B']),
      receiver: fc.subarray(['A', 'B']),
      passS: fc.integer({ min: 1, max: 8 * HOUR_S }),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 15 }), (steps) => {
        let nowMs = NOW;
        let members = new Map<string, Member>();
        let shown = new Map<string, Told>();
        const heard = new Map<string, boolean>();
        for (const each of steps) {
          nowMs += each.passS * 1_000;
          for (const [id, firing] of Object.entries(each.firing)) {
            if (firing || members.has(id)) members.set(id, member(id, { firing }));
          }
          const decision = decideFlush(
            input({
              members: [...members.values()],
              shown: Object.fromEntries(shown),
              nowMs,
              quiet: each.quiet ? 'q' : null,
              held: silenced(...each.silenced),
              enabled: new Set(each.enabled),
              receiver: { channelIds: each.receiver, sendResolved: true },
            }),
          );
          shown = new Map([
            ...shown,
            ...[...decision.messages, ...decision.forgotten].map((it) => [it.channelId, it.told] as const),
          ]);
          for (const { channelId, firing, resolved, reason } of decision.messages) {
            expect(each.enabled).toContain(channelId);
            expect(each.quiet).toBe(false);
            for (const { alert } of resolved) {
              expect(heard.get(`${channelId} ${alert.id}`)).toBe(true);
              heard.set(`${channelId} ${alert.id}`, false);
            }
            for (const { alert } of firing) {
              expect(each.silenced).not.toContain(alert.id);
              heard.set(`${channelId} ${alert.id}`, true);
            }
            expect(firing.length + resolved.length).toBeGreaterThan(0);
            expect(reason === 'all_resolved').toBe(firing.length === 0);
          }
          expect(decision.nextAtMs ?? Infinity).toBeGreaterThan(nowMs);
          members = new Map([...members].filter(([id]) => !decision.gone.includes(id)));
          for (const id of decision.gone) {
            for (const channelId of each.enabled) expect(heard.get(`${channelId} ${id}`) ?? false).toBe(false);
            // A channel that is off when it ends is not told later either.
            for (const channelId of ['A', 'B']) heard.set(`${channelId} ${id}`, false);
            shown = new Map(
              [...shown].map(([c, t]) => [
                c,
                { ...t, firing: Object.fromEntries(Object.entries(t.firing).filter(([a]) => a !== id)) },
              ]),
            );
          }
        }
      }),
    );
  });
});

describe('onGrid', () => {
  it.each([
    { flushed: null, intervalS: 300, wanted: 5_000, at: 5_000 },
    { flushed: 0, intervalS: 0, wanted: 5_000, at: 5_000 },
    { flushed: 0, intervalS: 300, wanted: 5_000, at: 300_000 },
    { flushed: 0, intervalS: 300, wanted: 300_001, at: 600_000 },
    { flushed: 0, intervalS: 300, wanted: 600_000, at: 600_000 },
    { flushed: 9_000_000, intervalS: 300, wanted: 5_000, at: 5_000 },
  ])('$flushed every $intervalS s, wanted at $wanted: $at', ({ flushed, intervalS, wanted, at }) => {
    expect(onGrid(flushed, intervalS, wanted)).toBe(at);
  });
});
