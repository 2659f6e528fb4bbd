import { describe, expect, it } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { SinkAnswer } from '../support/sink.js';
import { DeliveryWorld } from './delivery-world.js';

/** `npm run chaos:delivery -- --seeds 20 [--from 1] [--queue postgres]` for the long form. */
const SEEDS = Number(process.env['LONG_SEEDS'] ?? 1);
const FROM = Number(process.env['LONG_FROM'] ?? 1);
/** Where BullMQ keeps its jobs: in Redis where there is one, else as `npm start` does. */
const redisUrl = process.env['LONG_QUEUE'] === 'postgres' ? null : (process.env['TEST_REDIS_URL'] ?? null);
const isLong = process.env['LONG_SEEDS'] !== undefined;
const ROUNDS = isLong ? 10 : 3;
/** Real time in which all must be decided and sent once nothing goes wrong any more. */
const PATIENCE_MS = 300_000;
const PATHS = ['/a', '/b', '/c'];

/** Numbers in [0, 1), the same for the same seed (mulberry32). */
function chance(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** What goes wrong, and how receivers answer, drawn from a seed. */
class Trouble {
  private mayKill = true;
  readonly plans = new Map<string, SinkAnswer[]>();

  constructor(
    private readonly world: DeliveryWorld,
    readonly random: () => number,
    /** A receiver that never takes anything: its messages must become dead letters. */
    private readonly lostPath: string | null,
  ) {}

  pick<T>(all: readonly T[]): T {
    return all[Math.floor(this.random() * all.length)] as T;
  }

  plan(): void {
    const refusals: readonly (() => SinkAnswer)[] = [
      () => ({ status: 500 }),
      () => ({ status: 503, headers: { 'retry-after': '20' } }),
      () => ({ status: 429, headers: { 'retry-after': '30' } }),
      () => ({ status: 429, headers: { 'retry-after': new Date(this.world.receiversNowMs() + 60_000).toUTCString() } }),
      () => 'cut',
      ...(isLong ? [() => 'hang' as const] : []),
    ];
    const receipts: readonly (() => SinkAnswer)[] = [
      () => ({ status: 200, body: 'ok' }),
      () => ({ status: 202 }),
      () => 'cut-mid-body',
    ];
    for (const path of PATHS) {
      const plan = Array.from({ length: 12 * ROUNDS }, () =>
        this.random() < 0.25 ? this.pick(refusals)() : this.pick(receipts)(),
      );
      // Taken, and whoever sent it dies before it hears of that.
      for (let at = 2; at < plan.length; at += 12) plan[at] = { status: 200, before: () => this.killAll() };
      if (path === this.lostPath) plan.splice(0);
      this.plans.set(path, plan);
      this.world.sink.answer(path, ...plan, this.lastly(path));
    }
  }

  /** How a path answered its request of that number. */
  answered(path: string, index: number): SinkAnswer {
    return this.plans.get(path)?.[index] ?? this.lastly(path);
  }

  async strike(round: number): Promise<void> {
    const soon = (what: () => void) => void setTimeout(what, this.random() * 150);
    const faults: readonly (() => Promise<void> | void)[] = [
      () => soon(() => this.killAll()),
      () => this.world.emptyQueue(),
      () => this.world.missetDatabase((this.random() - 0.5) * 40_000),
      () => this.world.misset(1, (this.random() - 0.5) * 90_000),
      () => soon(() => this.world.kill(0)),
    ];
    await (isLong ? this.pick(faults) : faults[round % faults.length]!)();
  }

  async end(): Promise<void> {
    this.mayKill = false;
    await this.world.missetDatabase(0);
    await this.world.misset(0, 0);
    await this.world.misset(1, 0);
  }

  private lastly(path: string): SinkAnswer {
    return path === this.lostPath ? { status: 400 } : { status: 200 };
  }

  private killAll(): void {
    if (!this.mayKill) return;
    this.world.kill(0);
    this.world.kill(1);
  }
}

/** Alerts from outside and incidents begin and end while it strikes; gives how many transitions there were. */
async function live(world: DeliveryWorld, trouble: Trouble): Promise<number> {
  const firing: { name: string; id: string }[] = [];
  let transitions = 0;
  const end = async ({ name, id }: { name: string; id: string }) => {
    await Promise.all([world.alert(name, true), world.incident(id, 'resolved')]);
    transitions += 2;
  };
  for (let round = 0; round < ROUNDS; round++) {
    await trouble.strike(round);
    for (const _each of [1, 2]) {
      const each = { name: `alert ${transitions}`, id: randomUUID() };
      firing.push(each);
      await Promise.all([world.alert(each.name, false), world.incident(each.id, 'opened')]);
      transitions += 2;
    }
    for (const each of firing.splice(0, Math.floor(trouble.random() * 3))) await end(each);
    await sleep(trouble.random() * 400);
    await world.revive();
    await world.pass(20 + trouble.random() * 30);
  }
  for (const each of firing) await end(each);
  await trouble.end();
  for (const endMs = Date.now() + PATIENCE_MS; (await world.waiting()) > 0; await world.pass(50)) {
    expect(Date.now()).toBeLessThan(endMs);
    await world.revive();
    await sleep(150);
  }
  return transitions;
}

/** Holds what receivers took against what was written down. */
async function audit(world: DeliveryWorld, trouble: Trouble, transitions: number): Promise<void> {
  const rows = await world.ledger();
  // A channel that fails for long is reported through another, besides.
  const told = rows.filter(({ group_key: key }) => !key.startsWith('channel:'));
  expect(told).toHaveLength(transitions * PATHS.length);
  const taken = new Map<string, number>();
  const hung = new Map<string, number>();
  const order = new Map<string, string[]>();
  const count = (counts: Map<string, number>, id: string) => counts.set(id, (counts.get(id) ?? 0) + 1);
  for (const path of PATHS) {
    for (const [index, { headers, body }] of world.sink.at(path).entries()) {
      const answer = trouble.answered(path, index);
      const id = String(headers['webhook-id']);
      if (answer === 'hang') count(hung, id);
      if (answer !== 'cut-mid-body' && !(typeof answer === 'object' && answer.status < 300)) continue;
      count(taken, id);
      const { type, data } = JSON.parse(body) as { type: string; data: { group?: { key: string } } };
      if (!data.group) continue;
      const key = `${path} ${data.group.key}`;
      const kind = type.endsWith('.resolved') ? 'end' : 'beginning';
      const heard = order.get(key) ?? [];
      if (!heard.includes(kind)) order.set(key, [...heard, kind]);
    }
  }
  let lost = 0;
  for (const { id, state, attempts, written, no_answer: noAnswer, last_error: error } of rows) {
    if (state === 'sent') expect(taken.get(id)).toBeGreaterThanOrEqual(1);
    else expect([state, error]).toEqual(['failed', expect.stringMatching(/./)]);
    // Taken again: after an attempt of a process that was killed, or after a receipt that came too late for this busy machine.
    const unwritten = attempts - written;
    lost += unwritten;
    expect(taken.get(id) ?? 0).toBeLessThanOrEqual(1 + unwritten + Math.max(0, noAnswer - (hung.get(id) ?? 0)));
  }
  expect(world.kills).toBeGreaterThan(0);
  // A process that is killed holds one message of each channel at most.
  expect(lost).toBeLessThanOrEqual(world.kills * PATHS.length);
  expect([...taken.keys()].filter((id) => !rows.some((row) => row.id === id))).toEqual([]);
  for (const each of order.values()) expect(each).toEqual(['beginning', 'end'].slice(0, each.length));
}

describe(`messages while processes are killed, the queue in ${redisUrl === null ? 'PostgreSQL' : 'Redis'} is emptied and clocks are set`, () => {
  it.each(Array.from({ length: SEEDS }, (_, i) => FROM + i))(
    'seed %i: each transition ends in one receipt or a visible dead letter; twice only after a crash, with the same id',
    async (seed) => {
      const world = await DeliveryWorld.start(redisUrl);
      try {
        const trouble = new Trouble(world, chance(seed), seed % 5 === 1 ? '/c' : null);
        for (const path of PATHS) await world.channel(path);
        await world.tellEach();
        trouble.plan();
        await audit(world, trouble, await live(world, trouble));
      } finally {
        await world.close();
      }
    },
    400_000,
  );
});
