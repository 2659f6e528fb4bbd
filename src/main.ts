import 'reflect-metadata';
import { readFileSync } from 'node:fs';
import { type INestApplicationContext, Logger } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { readRulesFile } from './alert/rules-file.worker.js';
import { Background } from './background.js';
import { type Config, ConfigError, loadConfig } from './config.js';
import { listen } from './listen.js';
import { QUEUE_BACKEND, type QueueBackend } from './queue/backend.js';
import { ReceiveModule } from './receive/receive.module.js';
import { ReceivingModule } from './receiving.module.js';
import { bannerLines } from './server/banner.js';
import { limitExposure } from './server/exposure.js';
import { ServiceLog } from './server/log.js';
import { DatabaseAway, openDatabase, type DataSource } from './store/database.js';
import { KeyStore } from './store/key.store.js';
import { Supervisor } from './supervisor.js';

const CONFIGURATION_ERROR = 78;
const STOP_WITHIN_MS = 18_000;
/** How long the process that this one takes over from may need to let go of the API's port. */
const API_PORT_WITHIN_MS = 60_000;

Logger.overrideLogger(new ServiceLog());
const log = new Logger('Service');
let db: DataSource | undefined;
let receiving: INestApplicationContext | undefined;
let background: Background | undefined;
let isStopping = false;
const takesOver = process.argv.includes('--takes-over');
const supervisor = process.argv.includes('--supervised') ? new Supervisor(() => void retire()) : null;

/** This thread takes connections; storing has threads of its own (receive/ingest-pool.ts), and so has everything else (background.ts). */
async function start(): Promise<void> {
  const given = loadConfig();
  if (given.rulesFile !== undefined) await readRulesFile(given.rulesFile);
  db = await openDatabase(given.databaseUrl);
  const hasKey = given.adminKey !== undefined || (await new KeyStore(db).hasAny());
  const config = limitExposure(given, hasKey);
  const ready = startBackground(config);
  await Promise.all([Promise.race([ready, background?.onlyWaitsForPort]), startReceiving(config, db)]);
  supervisor?.serves();
  const label = (await ready) ?? receiving?.get<QueueBackend>(QUEUE_BACKEND).label ?? '';
  for (const line of bannerLines(config, version(), hasKey, label)) log.log(line);
}

function startBackground(config: Config): Promise<string | undefined> {
  const { worker, api } = config.roles;
  if (!worker && !api) return Promise.resolve(undefined);
  const task = {
    config: { ...config, roles: { ingest: false, worker, api } },
    waitsForPortMs: takesOver ? API_PORT_WITHIN_MS : 0,
  };
  background = new Background(task, (cause) => fail('stages and API ended too often', cause));
  return background.start();
}

async function startReceiving(config: Config, dataSource: DataSource): Promise<void> {
  if (!config.roles.ingest) return;
  const here = { ...config, roles: { ingest: true, worker: false, api: false } };
  const root = ReceivingModule.register(here, dataSource, supervisor?.listen ?? listen);
  receiving = await NestFactory.createApplicationContext(root, { logger: new ServiceLog(), abortOnError: false });
}

/** Stops receiving, finishes what runs, closes the queue, then the database. */
async function stop(why: string): Promise<void> {
  if (isStopping) return;
  isStopping = true;
  log.log(`stopping: ${why}`);
  await end(() => receiving?.close());
}

/** As `stop`, but first sends connections to the process that has taken over; stages and API end at once. */
async function retire(): Promise<void> {
  if (isStopping) return;
  isStopping = true;
  log.log('stopping: another process has taken over');
  await end(async () => {
    await receiving?.get(ReceiveModule).drain();
    await receiving?.close();
  });
}

async function end(endReceiving: () => Promise<void> | undefined): Promise<void> {
  setTimeout(() => {
    log.warn(`not everything ended within ${STOP_WITHIN_MS / 1000} s; what is left is taken up at the next start`);
    process.exit(1);
  }, STOP_WITHIN_MS).unref();
  try {
    await Promise.all([endReceiving(), background?.stop()]);
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
