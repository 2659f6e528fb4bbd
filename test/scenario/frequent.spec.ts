import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import type { IncidentEventKind, Severity } from '../../src/model/incident.js';
import { RecurrenceStore } from '../../src/store/recurrence.store.js';
import { startDelivery, type Delivery } from '../support/delivery.js';

describe('an incident that keeps coming back, by the default routes', () => {
  let delivery: Delivery;
  let recurrences: RecurrenceStore;
  let hour = 0;

  beforeAll(async () => {
    delivery = await startDelivery('frequent');
    recurrences = new RecurrenceStore(delivery.db);
    await delivery.channel('webhook', 'http://127.0.0.1:9/ops');
  });
  afterAll(() => delivery?.close());

  async function step(id: string, kind: IncidentEventKind, severity: Severity): Promise<void> {
    await delivery.step(id, kind, severity);
    await delivery.db.query(
      `update incident_events set at = $2::timestamptz where incident_id = $1 and decided_at is null`,
      [id, new Date(Date.parse('2026-11-01T00:00:00Z') + hour * 3_600_000 + (kind === 'resolved' ? 60_000 : 0))],
    );
    // A second ahead: what is written while routing runs must not lie in its future.
    await delivery.alert.run(1, Date.now() + 1_000);
  }

  /** It comes, an hour after it came last, and goes; gives the word in what was told when it came, `told`, or `held`. */
  async function comes(severity: Severity = 'warning'): Promise<string> {
    hour++;
    await delivery.db.query(
      `update recurrences set begins = array(select b - interval '1 hour' from unnest(begins) b), last_at = last_at - interval '1 hour',
         mute = mute || jsonb_build_object('fromMs', (mute ->> 'fromMs')::float8 - 3600000, 'untilMs', (mute ->> 'untilMs')::float8 - 3600000)`,
    );
    const id = randomUUID();
    await step(id, 'opened', severity);
    const rows: { frequent: { times: number } | null }[] = await delivery.db.query(
      `select body -> 'frequent' as frequent from notifications where incident_id = $1`,
      [id],
    );
    await step(id, 'resolved', severity);
    const after: unknown[] = await delivery.db.query(`select from notifications where incident_id = $1`, [id]);
    expect(after).toHaveLength(2 * rows.length);
    return rows.length === 0 ? 'held' : rows[0]!.frequent === null ? 'told' : `told: ${rows[0]!.frequent.times} times`;
  }

  it('is told nine times, once with a word, and then no more; a worse one is', async () => {
    for (let i = 0; i < 9; i++) expect(await comes()).toBe('told');
    expect(await comes()).toBe('told: 10 times');
    for (let i = 0; i < 3; i++) expect(await comes()).toBe('held');
    expect(await comes('critical')).toBe('told');
    expect(await comes()).toBe('held');
    const held: { detail: string }[] = await delivery.db.query(
      `select detail from route_decisions where reason = 'frequent' and not send`,
    );
    expect(held).toHaveLength(4);
  });

  it('is seen with what was held, and told again when somebody lifts it', async () => {
    const [muted] = await recurrences.muted(1, Date.now());
    expect(muted).toMatchObject({ held: 4, labels: { service: 'cart', operation: 'GetCart' }, mute: { times: 10 } });
    expect(await recurrences.muted(2, Date.now())).toEqual([]);
    await expect(recurrences.lift(2, muted!.id, Date.now())).rejects.toMatchObject({ status: 404 });
    await recurrences.lift(1, muted!.id, Date.now());
    expect(await comes()).toBe('told');
  });
});
