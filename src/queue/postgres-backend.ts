import { createPostgresBackend, runMigrations, withBackend, type Processor } from 'bullmq';
import pg from 'pg';
import {
  QUEUE_OPTIONS,
  type JobQueue,
  type JobWorker,
  type JobWorkerOptions,
  type QueueBackend,
  type QueueTrouble,
} from './backend.js';
import { JOBS, type JobPayload } from './jobs.js';

const { Queue, Worker } = withBackend(createPostgresBackend);
/** Connections beside those on which the workers listen. */
const QUERY_CONNECTIONS = 6;

/** BullMQ in schema `bullmq` of the service's own database. */
export class PostgresBackend implements QueueBackend {
  readonly label = 'PostgreSQL (schema bullmq of the same database)';

  private constructor(
    private readonly pool: pg.Pool,
    private readonly trouble: QueueTrouble,
  ) {}

  /** Connects and brings the schema up to date. `workers`: this process handles jobs too, not only adds them. */
  static async open(databaseUrl: string, workers: boolean, trouble: QueueTrouble): Promise<PostgresBackend> {
    const pool = new pg.Pool({
      connectionString: databaseUrl,
      // Each worker holds one connection to listen on.
      max: QUERY_CONNECTIONS + (workers ? JOBS.length : 0),
      options: '-c search_path=bullmq',
      application_name: 'tracehound-queue',
      connectionTimeoutMillis: 5_000,
      keepAlive: true,
    });
    // Every queue and worker adds a listener of its own.
    pool.setMaxListeners(0);
    pool.on('error', (error) => trouble('pool', error));
    try {
      const client = await pool.connect();
      try {
        await runMigrations(client);
      } finally {
        client.release();
      }
    } catch (error) {
      await pool.end();
      throw error;
    }
    return new PostgresBackend(pool, trouble);
  }

  queue(name: string): JobQueue {
    const queue = new Queue<JobPayload>(name, { ...QUEUE_OPTIONS, connection: this.pool });
    queue.on('error', (error) => this.trouble(`queue ${name}`, error));
    return queue;
  }

  worker(name: string, work: Processor<JobPayload>, options: JobWorkerOptions): JobWorker {
    const worker = new Worker<JobPayload>(name, work, { ...options, connection: this.pool });
    worker.on('error', (error) => this.trouble(`worker ${name}`, error));
    return worker;
  }

  async ping(): Promise<void> {
    await this.pool.query('select 1');
  }

  async close(): Promise<void> {
    await this.pool.end();
  }
}
