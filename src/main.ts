import 'reflect-metadata';
import { readFileSync } from 'node:fs';
import { Logger } from '@nestjs/common';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { AppModule } from './app.module.js';
import { ConfigError, loadConfig } from './config.js';
import { QUEUE_BACKEND, type QueueBackend } from './queue/backend.js';
import { createApi } from './server/api.js';
import { bannerLines } from './server/banner.js';
import { limitExposure } from './server/exposure.js';
import { ServiceLog } from './server/log.js';
import { DatabaseAway, openDatabase, type DataSource } from './store/database.js';
import { KeyStore } from './store/key.store.js';

const CONFIGURATION_ERROR = 78;
const STOP_WITHIN_MS = 15_000;

Logger.overrideLogger(new ServiceLog());
const log = new Logger('Service');
let db: DataSource | undefined;
let app: NestFastifyApplication | undefined;
let isStopping = false;

async function start(): Promise<void> {
  const given = loadConfig();
  db = await openDatabase(given.databaseUrl);
  const hasKey = given.adminKey !== undefined || (await new KeyStore(db).hasAny());
  const config = limitExposure(given, hasKey);
  app = await createApi(AppModule.register(config, db), new ServiceLog());
  if (config.roles.api) await app.listen(config.listen.apiPort, config.listen.host);
  else await app.init();
  const { label } = app.get<QueueBackend>(QUEUE_BACKEND);
  for (const line of bannerLines(config, version(), hasKey, label)) log.log(line);
}

/** Stops receiving, finishes what runs, closes the queue, then the database. */
async function stop(why: string): Promise<void> {
  if (isStopping) return;
  isStopping = true;
  log.log(`stopping: ${why}`);
  setTimeout(() => {
    log.warn(`not everything ended within ${STOP_WITHIN_MS / 1000} s; what is left is taken up at the next start`);
    process.exit(1);
  }, STOP_WITHIN_MS).unref();
  try {
    await app?.close();
    if (db?.isInitialized) await db.destroy();
  } catch (error) {
    fail('stopping failed', error);
  }
  log.log('stopped');
  process.exit(0);
}

function fail(what: string, error: unknown): never {
  log.error(what, error instanceof Error ? error.stack : String(error));
  process.exit(1);
}

function version(): string {
  const file = new URL('../../package.json', import.meta.url);
  return (JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version;
}

process.on('unhandledRejection', (error) => fail('an error was not handled', error));
process.on('uncaughtException', (error) => fail('an error was not handled', error));
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => void stop(signal));
process.on('disconnect', () => void stop('the supervisor is gone'));

try {
  await start();
} catch (error) {
  if (error instanceof ConfigError) {
    log.error(error.message);
    process.exit(CONFIGURATION_ERROR);
  }
  if (error instanceof DatabaseAway) {
    log.error(error.message);
    process.exit(1);
  }
  const { code, port } = error as NodeJS.ErrnoException & { port?: number };
  if (code === 'EADDRINUSE' || code === 'EACCES' || code === 'EADDRNOTAVAIL') {
    log.error(`cannot listen on port ${port} (${code}); set API_PORT, OTLP_HTTP_PORT, OTLP_GRPC_PORT or LISTEN_HOST`);
    process.exit(CONFIGURATION_ERROR);
  }
  if (!isStopping) fail('could not start', error);
}
