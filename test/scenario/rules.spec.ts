import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { type Did, type RuleWorld, startRuleWorld } from '../support/rule-world.js';

let world: RuleWorld;
beforeEach(async () => {
  world = await startRuleWorld('rules_live');
});
afterEach(() => world.close());

const did = (n: number, errors = 0, operation = 'GetCart'): Did => ({ service: 'cart', operation, n, errors });
const times = <T>(n: number, value: T): T[] => Array.from({ length: n }, () => value);
const ERRORS = { type: 'threshold', measure: 'error_rate', window: '1m', above: 0.1, for: '1m' };

describe('rules, live', () => {
  it('fire after `for`, and resolve, with every step on record', async () => {
    await world.rule({ ...ERRORS, name: 'errors' });
    await world.measure([...times(6, [did(10)]), ...times(15, [did(10, 5)]), ...times(12, [did(10)])]);
    await world.worker().run(1);
    expect(await world.transitions()).toEqual([
      '80 GetCart 1 inactive>pending holds',
      '140 GetCart 2 pending>firing held_for',
      '260 GetCart 3 firing>resolved clear',
    ]);
    const [alert]: Record<string, unknown>[] = await world.db.query(`select * from alerts`);
    expect(alert).toMatchObject({
      state: 'resolved',
      sequence: 3,
      memory: null,
      labels: { alertname: 'errors', severity: 'warning', service: 'cart', operation: 'GetCart' },
      exemplars: ['ab'.repeat(16)],
      generator_url: expect.stringContaining('http://trace.test/api/v1/rules/'),
    });
  });

  it('come to the same whether windows come at once or one by one, over restarts, and from two workers', async () => {
    const windows = [
      ...times(9, [did(10)]),
      ...times(14, [did(10, 3), did(5, 5, 'Pay')]),
      null,
      ...times(20, [did(10)]),
      ...times(9, [did(10, 9)]),
    ];
    await world.rule({ ...ERRORS, name: 'errors' });
    await world.rule({
      ...ERRORS,
      name: 'quick',
      window: '10s',
      for: '0s',
      keepFiringFor: '30s',
      groupBy: ['service'],
    });
    await world.rule({ type: 'absence', name: 'gone', window: '1m', expectedWithin: '10m' });
    await world.measure(windows);
    await world.worker().run(1);
    const atOnce = await world.transitions();
    expect(atOnce.length).toBeGreaterThan(8);

    const other = await startRuleWorld('rules_steps');
    try {
      await other.rule({ ...ERRORS, name: 'errors' });
      await other.rule({
        ...ERRORS,
        name: 'quick',
        window: '10s',
        for: '0s',
        keepFiringFor: '30s',
        groupBy: ['service'],
      });
      await other.rule({ type: 'absence', name: 'gone', window: '1m', expectedWithin: '10m' });
      let worker = other.worker();
      for (const [i, window] of windows.entries()) {
        await other.measure([window]);
        if (i % 7 === 0) worker = other.worker();
        // Whoever gets the lease works; the other finds nothing to do.
        await Promise.all([worker.run(1), other.worker().run(1)]);
        await worker.run(1);
      }
      expect((await other.transitions()).toSorted()).toEqual(atOnce.toSorted());
    } finally {
      await other.close();
    }
  });

  it('start anew when the rule is changed, and end with it', async () => {
    const rule = await world.rule({ ...ERRORS, name: 'errors', for: '0s' });
    const worker = world.worker();
    await world.measure(times(3, [did(10, 5)]));
    await worker.run(1);
    await world.rules.replace(1, rule.id, (before) => ({
      values: { ...before, window: '30s' } as never,
      isOther: true,
    }));
    await world.measure(times(2, [did(10, 5)]));
    await worker.run(1);
    await world.rules.delete(1, rule.id);
    await world.measure(times(2, [did(10, 5)]));
    await worker.run(1);
    expect(await world.transitions()).toEqual([
      '10 GetCart 1 inactive>firing holds',
      '40 GetCart 2 firing>resolved rule_changed',
      '50 GetCart 3 resolved>firing holds',
      '60 GetCart 4 firing>resolved rule_deleted',
    ]);
  });

  it('that cannot be read are in error alone: one set of labels, or one rule, and before an incident comes', async () => {
    await world.rule({ type: 'threshold', measure: 'p90', name: 'slow', window: '20s', above: 300 });
    const strange = await world.rule({ name: 'strange', services: ['*'] });
    const slow = (operation: string): Did => ({ service: 'cart', operation, n: 10, ms: 500 });
    await world.measure([[did(10), slow('Pay')]]);
    await world.db.query(
      `update rollups set latency = '\\x07' where operation_id = (select id from operations where name = 'GetCart')`,
    );
    await world.db.query(
      `update rules set definition = definition || '{"activeHours": {"timeZone": "Mars/Olympus", "ranges": []}}' where id = $1`,
      [strange.id],
    );
    await world.worker().run(1);
    await world.measure([[did(10), slow('Pay')]]);
    await world.worker().run(1);
    await world.db.query(`update rules set definition = '{}' where id = $1`, [strange.id]);
    await world.measure([[did(10), slow('Pay')]]);
    await world.worker().run(1);
    expect((await world.transitions()).toSorted()).toEqual([
      '10 - 1 inactive>error failed: activeHours.timeZone: must be an IANA time zone such as Europe/Berlin (and 1 more)',
      '10 - 1 inactive>error failed: cart GetCart: histogram format 7 is not known',
      '10 Pay 1 inactive>firing holds',
      '30 - 2 error>inactive evaluated',
      '30 - 2 error>inactive rule_changed',
    ]);
  });

  it('see what late spans changed', async () => {
    await world.rule({ type: 'threshold', measure: 'rate', name: 'rate', window: '1m', above: 1.5 });
    const worker = world.worker();
    await world.measure(times(6, [did(10)]));
    await worker.run(1);
    await world.db.query(`update rollups set n = 60 where window_at = (select max(window_at) from rollups)`);
    await world.db.query(
      `update window_totals set revision = 1 where window_at = (select max(window_at) from window_totals)`,
    );
    await world.measure(times(1, [did(10)]));
    await worker.run(1);
    expect(await world.transitions()).toEqual(['70 GetCart 1 inactive>firing holds']);
  });
});
