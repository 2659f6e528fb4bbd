import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { BacktestWorker } from '../../src/alert/backtest.worker.js';
import { ProposalsController } from '../../src/alert/proposals.controller.js';
import { ProposeWorker } from '../../src/alert/propose.worker.js';
import { ReplayData } from '../../src/alert/replay-data.store.js';
import { JournalReader } from '../../src/journal/read.js';
import { TracesStore } from '../../src/journal/traces.store.js';
import type { FeedbackVerdict } from '../../src/model/feedback.js';
import type { Rule } from '../../src/model/rule.js';
import { AnomalyStore } from '../../src/store/anomaly.store.js';
import { BacktestStore } from '../../src/store/backtest.store.js';
import { CursorStore } from '../../src/store/cursor.store.js';
import { FeedbackStore } from '../../src/store/feedback.store.js';
import { IncidentStore } from '../../src/store/incident.store.js';
import { ProposalStore } from '../../src/store/proposal.store.js';
import { RuleHistoryStore } from '../../src/store/rule-history.store.js';
import { VersionStore } from '../../src/store/version.store.js';
import { type Did, type RuleWorld, startRuleWorld } from '../support/rule-world.js';

let world: RuleWorld;
let feedback: FeedbackStore;
let propose: ProposeWorker;
let proposals: ProposalsController;
let rule: Rule;

beforeAll(async () => {
  world = await startRuleWorld('feedback');
  const { db } = world;
  const traces = new TracesStore(db, new JournalReader(db, undefined as never));
  const data = new ReplayData(new RuleHistoryStore(db), new AnomalyStore(db), new VersionStore(db), traces);
  const store = new ProposalStore(db);
  feedback = new FeedbackStore(db);
  const backtests = new BacktestWorker(new BacktestStore(db), data, new IncidentStore(db));
  propose = new ProposeWorker(store, feedback, world.rules, new CursorStore(db), backtests);
  proposals = new ProposalsController(world.rules, store);
  rule = await world.rule({
    type: 'threshold',
    name: 'slow',
    measure: 'p90',
    window: '1m',
    above: 300,
    keepFiringFor: '0s',
  });
});
afterAll(() => world?.close());

/** One firing of the rule, as high as `ms`, and what somebody says of it. */
async function fires(ms: number, verdict: FeedbackVerdict): Promise<void> {
  const windows = (n: number, each: number): Did[][] =>
    Array.from({ length: n }, () => [{ service: 'cart', operation: 'Get', n: 20, ms: each }]);
  await world.measure([...windows(9, ms), ...windows(21, 100)]);
  await world.worker().run(1);
  const [alert]: { id: string }[] = await world.db.query(`select id from alerts where rule_id = $1`, [rule.id]);
  await feedback.onAlert(1, alert!.id, { verdict, by: 'ann', comment: '', channelId: null });
}

const listed = async () => (await proposals.list(1, { id: rule.id })).proposals;
const above = async () => ((await world.rules.get(1, rule.id)) as { above?: number }).above;

describe('what people say of alerts', () => {
  it('becomes a proposal that was tried on the past, and nothing else', async () => {
    await fires(320, 'noise');
    await fires(900, 'useful');
    await fires(320, 'noise');
    await propose.run(1);
    expect(await listed()).toEqual([]);
    await fires(320, 'noise');
    expect(await new ProposalStore(world.db).asked()).toEqual([1]);
    await propose.run(1);
    await propose.run(1);
    expect(await new ProposalStore(world.db).asked()).toEqual([]);
    expect(await listed()).toMatchObject([
      {
        state: 'open',
        words: 'above 300 → 330',
        patch: { above: 330 },
        isOutdated: false,
        backtest: {
          asItIs: { firings: 4, useful: 1, noise: 3 },
          changed: { firings: 1, useful: 1, noise: 0 },
        },
      },
    ]);
    expect(await above()).toBe(300);
    const said = await feedback.of(1, { ruleId: rule.id });
    expect(said.map(({ verdict }) => verdict).toSorted()).toEqual(['noise', 'noise', 'noise', 'useful']);
    expect(await feedback.of(2, { ruleId: rule.id })).toEqual([]);
  });

  it('is not proposed again once it was dismissed; what is said after that may become another one', async () => {
    const [open] = await listed();
    await proposals.dismiss(1, { id: rule.id, proposalId: open!.id }, { by: 'ann' });
    await expect(proposals.apply(1, { id: rule.id, proposalId: open!.id }, { by: 'ann' })).rejects.toMatchObject({
      status: 409,
    });
    await fires(320, 'noise');
    await fires(320, 'noise');
    await propose.run(1);
    expect((await listed()).map(({ state }) => state)).toEqual(['dismissed']);
    await fires(320, 'noise');
    await propose.run(1);
    expect((await listed()).map(({ state, words }) => [state, words])).toEqual([
      ['open', 'above 300 → 375'],
      ['dismissed', 'above 300 → 330'],
    ]);
  });

  it('changes the rule when somebody applies it, and only the rule that was tried', async () => {
    const [open] = await listed();
    await expect(proposals.apply(2, { id: rule.id, proposalId: open!.id }, { by: 'eve' })).rejects.toMatchObject({
      status: 404,
    });
    const before = await world.rules.get(1, rule.id);
    await world.rules.replace(1, rule.id, (each) => ({ values: { ...each, above: 310 } as never, isOther: true }));
    expect((await listed())[0]).toMatchObject({ isOutdated: true });
    await expect(proposals.apply(1, { id: rule.id, proposalId: open!.id }, { by: 'ann' })).rejects.toMatchObject({
      code: 'outdated',
    });
    await world.db.query(`update rules set epoch = $2 where id = $1`, [rule.id, before.epoch]);
    expect(await proposals.apply(1, { id: rule.id, proposalId: open!.id }, { by: 'ann' })).toMatchObject({
      state: 'applied',
      decidedBy: 'ann',
    });
    expect(await above()).toBe(375);
  });
});
