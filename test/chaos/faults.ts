import { randomBytes } from 'node:crypto';
import { rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { World } from './world.js';

/** What goes wrong while spans are sent: begins, lasts as long as it wants, and leaves everything repaired. */
export interface Fault {
  kind: string;
  senders: number;
  spansPerRequest: number;
  /** Processes that take spans. */
  services?: number;
  /** Whether the database's files must lie on a disk of limited size. */
  needsDisk?: boolean;
  /** Whether it is left out of the short form. */
  isLong?: boolean;
  /** Whether a supervisor runs the process. */
  isSupervised?: boolean;
  /** Whether senders notice nothing: no request has to be repeated. */
  isSeamless?: boolean;
  pauseMs?: number;
  strike: (world: World, random: () => number, scale: number) => Promise<void>;
}

const USUAL = { senders: 12, spansPerRequest: 20 };

export const FAULTS: readonly Fault[] = [
  {
    kind: 'kill',
    ...USUAL,
    strike: async (world, random, scale) => {
      for (let kills = scale > 0.5 ? 2 : 1; kills > 0; kills--) {
        await sleep(random() * 600);
        await world.killService(0);
        await world.startService(0);
      }
    },
  },
  {
    kind: 'postgres-immediate',
    ...USUAL,
    strike: async (world, random) => {
      await sleep(random() * 400);
      await world.stopPostgres();
      await sleep(random() * 300);
      await world.startPostgres();
    },
  },
  {
    kind: 'postgres-away',
    ...USUAL,
    strike: async ({ proxy }, random, scale) => {
      for (let times = 0; times < 2; times++) {
        await sleep(random() * 300);
        proxy.goAway();
        await sleep(random() * 1_500 * scale);
        proxy.comeBack();
      }
    },
  },
  {
    kind: 'postgres-slow',
    ...USUAL,
    strike: async ({ proxy }, random, scale) => {
      await sleep(random() * 200);
      proxy.delayMs = 20 + random() * 400;
      await sleep(2_500 * scale);
      proxy.comeBack();
    },
  },
  {
    kind: 'cut-mid-copy',
    ...USUAL,
    strike: async ({ proxy }, random, scale) => {
      // Everything open goes first, so that all connections are such as are cut.
      proxy.goAway();
      proxy.comeBack();
      proxy.cutAfterBytes = () => 2_000 + Math.floor(random() * 60_000);
      await sleep(2_500 * scale);
      proxy.comeBack();
    },
  },
  {
    kind: 'disk-full',
    ...USUAL,
    needsDisk: true,
    strike: async (world, random, scale) => {
      await sleep(random() * 300);
      const file = path.join(world.home, 'filler');
      try {
        for (;;) writeFileSync(file, Buffer.alloc(1024 * 1024), { flag: 'a' });
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
      }
      await sleep((1_000 + random() * 1_500) * scale);
      rmSync(file);
      await world.startPostgresIfItEnded();
    },
  },
  {
    kind: 'overload',
    senders: 60,
    spansPerRequest: 400,
    strike: (_world, _random, scale) => sleep(2_500 * scale),
  },
  {
    kind: 'bad-clients',
    ...USUAL,
    strike: async (world, random, scale) => {
      const { port } = new URL(world.url(0));
      const head = (length: string) =>
        `POST /v1/traces HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/x-protobuf\r\n${length}\r\n`;
      const sockets = Array.from({ length: 24 }, (_, i) => {
        const socket = connect(Number(port), '127.0.0.1').on('error', () => undefined);
        switch (i % 6) {
          case 0: // says nothing
            break;
          case 1: // half a head
            socket.write('POST /v1/traces HT');
            break;
          case 2: // promises more than it sends
            socket.write(head('content-length: 5000\r\n'));
            socket.write(randomBytes(Math.floor(random() * 4_000)));
            break;
          case 3: // sends more than it promised
            socket.write(head('content-length: 10\r\n'));
            socket.write(randomBytes(500));
            break;
          case 4: // chunks that never end
            socket.write(head('transfer-encoding: chunked\r\n'));
            socket.write('ff\r\nabc');
            break;
          default: // promises gigabytes
            socket.write(head('content-length: 99999999999\r\n'));
        }
        return socket;
      });
      // One that sends a byte now and then.
      const slow = connect(Number(port), '127.0.0.1').on('error', () => undefined);
      for (const byte of Buffer.from(head('content-length: 40\r\n')).subarray(0, Math.ceil(20 * scale))) {
        slow.write(Buffer.from([byte]));
        await sleep(100);
      }
      for (const socket of [...sockets, slow]) socket.destroy();
    },
  },
  {
    kind: 'rolling-restart',
    ...USUAL,
    services: 2,
    strike: async (world, random, scale) => {
      for (const i of scale > 0.5 ? [0, 1] : [1]) {
        await sleep(random() * 300);
        await world.stopService(i);
        await world.startService(i);
      }
    },
  },
  {
    kind: 'hand-over',
    ...USUAL,
    pauseMs: 500,
    isSupervised: true,
    isSeamless: true,
    strike: async (world, random, scale) => {
      for (let times = scale > 0.5 ? 3 : 1; times > 0; times--) {
        await sleep(random() * 600);
        await world.handOver();
      }
    },
  },
  {
    kind: 'kill-supervised',
    ...USUAL,
    isLong: true,
    isSupervised: true,
    strike: async (world, random, scale) => {
      for (let kills = scale > 0.5 ? 2 : 1; kills > 0; kills--) {
        await sleep(random() * 600);
        await world.killSupervised();
      }
    },
  },
];
