import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import { IncidentActionStore } from '../../src/store/incident-action.store.js';
import { CursorStore } from '../../src/store/cursor.store.js';
import { IncidentStore } from '../../src/store/incident.store.js';
import { RoutingStore } from '../../src/store/routing.store.js';
import { startSink } from '../support/sink.js';
import { startDelivery, type Delivery } from '../support/delivery.js';

const MINUTE_MS = 60_000;

describe('an incident that somebody acknowledges', () => {
  let delivery: Delivery;
  let actions: IncidentActionStore;
  let onCall: string;
  let boss: string;
  let incidentId: string;
  let beganMs: number;

  beforeAll(async () => {
    delivery = await startDelivery('acknowledge');
    actions = new IncidentActionStore(delivery.db, new IncidentStore(delivery.db));
    onCall = (await delivery.channel('webhook', 'http://127.0.0.1:9/on-call')).id;
    boss = (await delivery.channel('webhook', 'http://127.0.0.1:9/boss')).id;
    const settings = { groupBy: ['incident'], groupWaitS: 0, groupIntervalS: 0, repeatIntervalS: 3_600 };
    const route = {
      ...settings,
      receiver: 'on call',
      tellEscalations: true,
      escalateAfterS: 600,
      escalateTo: 'boss',
      muteTimes: [],
      activeTimes: [],
      matchers: [],
      continue: false,
      routes: [],
    };
    const receivers = [
      { name: 'on call', channelIds: [onCall], sendResolved: true },
      { name: 'boss', channelIds: [boss], sendResolved: true },
    ];
    await new RoutingStore(delivery.db).replace(1, { receivers, route }, null, 'test');
  });
  afterAll(() => delivery?.close());

  beforeEach(async () => {
    await delivery.db.query(`delete from notifications`);
    incidentId = randomUUID();
    await delivery.step(incidentId, 'opened');
    // A second ahead: what is written while routing runs must not lie in its future.
    beganMs = Date.now() + 1_000;
    await delivery.alert.run(1, beganMs);
    expect(await told()).toEqual(['on call firing']);
  });

  const at = (minutes: number) => delivery.alert.run(1, beganMs + minutes * MINUTE_MS);
  const act = (kind: 'acknowledged' | 'acknowledgement_withdrawn') =>
    actions.add(1, incidentId, { kind, by: 'ann', subject: null, comment: '', channelId: null });

  /** In order: who was told, and of what. */
  async function told(): Promise<string[]> {
    const rows: { channel_id: string; kind: string }[] = await delivery.db.query(
      `select channel_id, kind from notifications order by sequence, channel_id = $1`,
      [boss],
    );
    return rows.map(
      ({ channel_id, kind }) =>
        `${channel_id === boss ? 'boss' : 'on call'} ${/resolved/.test(kind) ? 'resolved' : 'firing'}`,
    );
  }

  it('is not escalated and not repeated, and its end is told to whoever was told', async () => {
    await act('acknowledged');
    for (const minutes of [5, 11, 70, 200]) await at(minutes);
    expect(await told()).toEqual(['on call firing']);
    await delivery.step(incidentId, 'resolved');
    await at(201);
    expect(await told()).toEqual(['on call firing', 'on call resolved']);
  });

  it('is escalated when nobody does', async () => {
    await at(9);
    expect(await told()).toEqual(['on call firing']);
    await at(11);
    expect(await told()).toEqual(['on call firing', 'boss firing']);
    // What is not taken yet is not repeated.
    await at(62);
    expect(await told()).toHaveLength(2);
    await delivery.db.query(`update notifications set state = 'sent'`);
    await at(130);
    expect((await told()).slice(2)).toContain('on call firing');
    await delivery.step(incidentId, 'resolved');
    await at(131);
    expect((await told()).slice(-2).toSorted()).toEqual(['boss resolved', 'on call resolved']);
  });

  it('is escalated after all when the acknowledgement is withdrawn', async () => {
    await act('acknowledged');
    await at(11);
    expect(await told()).toEqual(['on call firing']);
    await act('acknowledgement_withdrawn');
    await at(12);
    expect(await told()).toEqual(['on call firing', 'boss firing']);
    await delivery.step(incidentId, 'resolved');
    await at(13);
  });

  it('does not keep quiet about the next one', async () => {
    await act('acknowledged');
    await delivery.step(incidentId, 'resolved');
    await at(1);
    incidentId = randomUUID();
    await delivery.step(incidentId, 'opened');
    await at(2);
    await at(13);
    expect(await told()).toEqual(['on call firing', 'on call firing', 'on call resolved', 'boss firing']);
    await delivery.step(incidentId, 'resolved');
    await at(14);
  });

  it('ends for everybody when somebody resolves it, once, whatever is being decided about it', async () => {
    const cursors = new CursorStore(delivery.db);
    const fromMs = Date.parse('2026-11-21T03:20:00Z');
    await delivery.db.query(
      `insert into stage_cursors (tenant_id, stage, done_through, leased_by, leased_until)
       values (1, 'incident', $1, 'worker', now() + interval '1 minute')
       on conflict (tenant_id, stage) do update set leased_by = 'worker'`,
      [new Date(fromMs)],
    );
    const action = { kind: 'resolved', by: 'ann', subject: null, comment: 'rolled back', channelId: null } as const;
    expect(await actions.add(1, incidentId, action)).toMatchObject([{ kind: 'resolved', by: 'ann' }]);
    await expect(actions.add(1, incidentId, action)).rejects.toMatchObject({ status: 409 });
    // Whoever was deciding on the windows after that has to begin anew.
    const claim = { tenantId: 1, stage: 'incident', fromMs, toMs: fromMs + 10_000 } as const;
    await expect(delivery.db.transaction((tx) => cursors.advance(tx, claim, 'worker'))).rejects.toThrow(
      'lost the lease',
    );

    await delivery.db.query(`update incident_events set created_at = now() - interval '1 minute'`);
    await at(1);
    expect(await told()).toEqual(['on call firing', 'on call resolved']);
    const [last]: { reason: string; notice: { reason: string; incident: object } }[] = await delivery.db.query(
      `select t.reason, t.notice from alert_transitions t where t.snapshot ->> 'incidentId' = $1 order by t.sequence desc limit 1`,
      [incidentId],
    );
    expect(last).toMatchObject({
      reason: 'resolved by ann',
      notice: {
        reason: 'resolved by ann: rolled back',
        incident: { state: 'resolved', resolvedAt: '2026-11-21T03:20:00.000Z' },
      },
    });
    expect(await new IncidentStore(delivery.db).current(1, fromMs + 60_000)).not.toContainEqual(
      expect.objectContaining({ id: incidentId }),
    );
    await delivery.db.query(`delete from stage_cursors`);
  });

  it('that does not exist, or is of another tenant, cannot be acknowledged', async () => {
    const action = { kind: 'acknowledged', by: 'ann', subject: null, comment: '', channelId: null } as const;
    await expect(actions.add(1, randomUUID(), action)).rejects.toMatchObject({ status: 404 });
    await expect(actions.add(2, incidentId, action)).rejects.toMatchObject({ status: 404 });
    expect(await actions.list(2, incidentId)).toEqual([]);
    await delivery.step(incidentId, 'resolved');
    await at(1);
  });
});

describe('an acknowledgement', () => {
  it('is told to PagerDuty, between the beginning and the end, under one key', async () => {
    const sink = await startSink();
    sink.answer('/v2', { status: 202, body: '{"status":"success"}' });
    const delivery = await startDelivery('acknowledge_pagerduty');
    try {
      await delivery.channel('pagerduty', `${sink.url}/v2/enqueue`, 1, { routingKey: 'k'.repeat(32) });
      await delivery.channel('webhook', `${sink.url}/other`);
      const id = randomUUID();
      const told = async (act: () => Promise<unknown>) => {
        await act();
        await delivery.alert.run(1, Date.now() + 1_000);
        await delivery.notify.run(1);
      };
      const actions = new IncidentActionStore(delivery.db, new IncidentStore(delivery.db));
      await told(() => delivery.step(id, 'opened'));
      await told(() =>
        actions.add(1, id, { kind: 'acknowledged', by: 'ann', subject: null, comment: '', channelId: null }),
      );
      await told(() => delivery.step(id, 'resolved'));
      const events = sink.at('/v2').map(({ body }) => JSON.parse(body) as { event_action: string; dedup_key: string });
      expect(events.map(({ event_action }) => event_action)).toEqual(['trigger', 'acknowledge', 'resolve']);
      expect(new Set(events.map(({ dedup_key }) => dedup_key)).size).toBe(1);
      expect(sink.at('/other')).toHaveLength(2);
    } finally {
      await delivery.close();
      await sink.close();
    }
  });
});
