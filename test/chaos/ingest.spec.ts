import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, describe, expect, it } from '@jest/globals';
import { mulberry32 } from '../support/shop.js';
import { FAULTS } from './faults.js';
import { Ledger, type Verdict } from './ledger.js';
import { sendUntil } from './senders.js';
import { World } from './world.js';

// The long form: npm run chaos:ingest -- --seeds 20 [--only kill] [--from 1]
const SEEDS = Number(process.env['LONG_SEEDS'] ?? 1);
const FROM = Number(process.env['LONG_FROM'] ?? 1);
const ONLY = process.env['LONG_ONLY'];
const IS_LONG = process.env['LONG_SEEDS'] !== undefined;
/** How long faults last, of what they last in the long form. */
const SCALE = IS_LONG ? 1 : 0.3;
/** How long what is under way may take once everything is repaired. */
const GRACE_MS = 30_000;
const MOST_RSS_MIB = 600;
const DISK_MIB = IS_LONG ? 600 : 220;
const WITHIN_MS = 180_000;

interface Line extends Verdict {
  kind: string;
  seed: number;
  repeated: number;
  rssMib: number;
}
const lines: Line[] = [];
let world: World | undefined;

async function end(): Promise<void> {
  await world?.close();
  world = undefined;
}
afterAll(end);

afterAll(() => {
  if (!IS_LONG) return;
  const sum = (
    some: Line[],
    field: 'sent' | 'acknowledged' | 'recovered' | 'lost' | 'invented' | 'doubled' | 'repeated',
  ) => String(some.reduce((total, line) => total + line[field], 0));
  const rows = FAULTS.map(({ kind }) => ({ kind, some: lines.filter((line) => line.kind === kind) })).filter(
    ({ some }) => some.length > 0,
  );
  const table = [
    ['fault', 'seeds', 'spans sent', 'acknowledged', 'repeated', 'recovered', 'lost', 'invented', 'doubled', 'RSS MiB'],
    ...rows.map(({ kind, some }) => [
      kind,
      String(some.length),
      ...(['sent', 'acknowledged', 'repeated', 'recovered', 'lost', 'invented', 'doubled'] as const).map((field) =>
        sum(some, field),
      ),
      String(Math.max(...some.map(({ rssMib }) => rssMib))),
    ]),
  ];
  const widths = table[0]!.map((_, i) => Math.max(...table.map((row) => row[i]!.length)));
  say(table.map((row) => row.map((cell, i) => cell.padEnd(widths[i]!)).join('  ')).join('\n'));
});

const say = (text: string) => process.stdout.write(`${text}\n`);

const CHOSEN = FAULTS.filter(({ kind, isLong }) => (ONLY === undefined ? IS_LONG || !isLong : kind === ONLY));

describe.each(CHOSEN)('$kind', (fault) => {
  // In the long form each fault has a world of its own.
  afterAll(async () => {
    if (IS_LONG) await end();
  });

  it.each(Array.from({ length: SEEDS }, (_, i) => FROM + i))(
    'loses, invents and doubles no span (seed %i)',
    async (seed) => {
      const random = mulberry32(seed * 7_919);
      world ??= await World.start(DISK_MIB, { INGEST_MAX_PENDING_BYTES: '400000' });
      if (fault.needsDisk && !world.isMounted) {
        say(`SKIPPED: ${fault.kind} needs to mount a small disk, which this user may not`);
        return;
      }
      const services = fault.services ?? 1;
      await world.have(services, fault.isSupervised ?? false);
      const here = world;
      const tenant = `${fault.kind}-${seed}`;
      const tenantId = await here.newTenant(tenant);
      const ledger = new Ledger();
      const over = new AbortController();
      const sending = sendUntil(over.signal, GRACE_MS, {
        ...fault,
        url: (n) => here.url(n % services),
        grpcAddress: (n) => here.grpcAddress(n % services),
        tenant,
        random,
        ledger,
      });
      let rssMib = 0;
      const watch = setInterval(() => (rssMib = Math.max(rssMib, ...here.pids.map(rssOf))), 100);
      await sleep(200);
      await fault.strike(here, random, SCALE);
      // As it is when all is well again.
      await sleep(300);
      over.abort();
      const heard = await sending;
      clearInterval(watch);
      const verdict = await ledger.compare(here.databaseUrl, tenantId);
      lines.push({ ...verdict, kind: fault.kind, seed, repeated: heard.repeated, rssMib });
      if (IS_LONG) {
        const { contradictions, ...figures } = verdict;
        const told = { ...figures, requests: heard.requests, repeated: heard.reasons, rssMib };
        say(`${fault.kind} seed ${seed}: ${JSON.stringify(told)}${contradictions.map((each) => ` ${each}`).join()}`);
      }
      expect(heard.refused).toEqual([]);
      if (fault.isSeamless) expect(heard.reasons).toEqual({});
      expect(verdict).toMatchObject({ lost: 0, invented: 0, doubled: 0, contradictions: [] });
      expect(verdict.acknowledged).toBeGreaterThan(0);
      expect(rssMib).toBeLessThan(MOST_RSS_MIB);
    },
    WITHIN_MS,
  );
});

function rssOf(pid: number): number {
  try {
    return Math.round(Number(/VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) / 1_024);
  } catch {
    return 0;
  }
}
