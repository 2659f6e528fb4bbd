import 'reflect-metadata';
import { setTimeout as sleep } from 'node:timers/promises';
import { parentPort, workerData } from 'node:worker_threads';
import { Logger } from '@nestjs/common';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { AppModule } from './app.module.js';
import type { FromBackground, BackgroundTask } from './background.js';
import { QUEUE_BACKEND, type QueueBackend } from './queue/backend.js';
import { createApi } from './server/api.js';
import { ServiceLog } from './server/log.js';
import { createDataSource } from './store/data-source.js';

const LISTEN_AGAIN_MS = 10;

// Everything but receiving: stages, queue, API. In a thread of its own, so that none of it delays an acknowledgement.
Logger.overrideLogger(new ServiceLog());
const port = parentPort!;
const { config, waitsForPortMs } = workerData as BackgroundTask;
const post = (message: FromBackground) => port.postMessage(message);

const db = await createDataSource(config.databaseUrl).initialize();
const app = await createApi(AppModule.register(config, db), new ServiceLog());
if (config.roles.api) await listen(app);
else await app.init();
port.on('message', () => void stop());
post({ kind: 'ready', queueLabel: app.get<QueueBackend>(QUEUE_BACKEND).label });

/** The process that this one takes over from holds the port until it knows that this one is here. */
async function listen(api: NestFastifyApplication): Promise<void> {
  const giveUpMs = performance.now() + waitsForPortMs;
  for (;;) {
    try {
      await api.listen(config.listen.apiPort, config.listen.host);
      return;
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code !== 'EADDRINUSE' || performance.now() > giveUpMs) throw error;
      post({ kind: 'waits' });
      await sleep(LISTEN_AGAIN_MS);
    }
  }
}

async function stop(): Promise<void> {
  await app.close();
  await db.destroy();
  port.close();
}
