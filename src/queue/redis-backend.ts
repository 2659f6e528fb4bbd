import { Queue, Worker, type Processor } from 'bullmq';
import { Redis } from 'ioredis';
import { once } from 'node:events';
import {
  QUEUE_OPTIONS,
  type JobQueue,
  type JobWorker,
  type JobWorkerOptions,
  type QueueBackend,
  type QueueTrouble,
} from './backend.js';
import type { JobPayload } from './jobs.js';

/** Braces keep all keys on one node of a cluster. */
const PREFIX = '{tracehound}';
const FIRST_CONNECTION_MS = 2_000;

/** BullMQ in Redis. Starts without it and works as soon as it answers. */
export class RedisBackend implements QueueBackend {
  readonly label: string;
  /** Fails at once while Redis is away, so that a ring never waits for it. */
  private readonly producer: Redis;
  /** Waits for Redis: workers have nothing better to do. */
  private readonly consumer: Redis;

  private constructor(
    redisUrl: string,
    private readonly trouble: QueueTrouble,
  ) {
    const { hostname, port } = new URL(redisUrl);
    this.label = `Redis at ${hostname}:${port || '6379'}`;
    const retryStrategy = (times: number) => Math.min(times * 200, 2_000);
    const options = { maxRetriesPerRequest: null, retryStrategy, connectionName: 'tracehound' };
    this.producer = new Redis(redisUrl, { ...options, enableOfflineQueue: false });
    this.consumer = new Redis(redisUrl, options);
    for (const client of [this.producer, this.consumer]) client.on('error', (error) => trouble('redis', error));
  }

  /** Connects; when Redis does not answer within two seconds, goes on without it for now. */
  static async open(redisUrl: string, trouble: QueueTrouble): Promise<RedisBackend> {
    const backend = new RedisBackend(redisUrl, trouble);
    const { producer } = backend;
    const signal = AbortSignal.timeout(FIRST_CONNECTION_MS);
    await once(producer, 'ready', { signal }).catch(() =>
      trouble('start', new Error(`${backend.label} does not answer`)),
    );
    return backend;
  }

  queue(name: string): JobQueue {
    const queue = new Queue<JobPayload>(name, { ...QUEUE_OPTIONS, prefix: PREFIX, connection: this.producer });
    queue.on('error', (error) => this.trouble(`queue ${name}`, error));
    return {
      // BullMQ would hold the job until Redis answers for the first time.
      add: async (...job) => {
        if (this.producer.status !== 'ready') throw new Error(`${this.label} is not connected`);
        return queue.add(...job);
      },
      close: () => queue.close(),
    };
  }

  worker(name: string, work: Processor<JobPayload>, options: JobWorkerOptions): JobWorker {
    const worker = new Worker<JobPayload>(name, work, { ...options, prefix: PREFIX, connection: this.consumer });
    worker.on('error', (error) => this.trouble(`worker ${name}`, error));
    // Without Redis there is no job to give back, and BullMQ would wait for it to return.
    return { close: () => worker.close(this.consumer.status !== 'ready') };
  }

  async ping(): Promise<void> {
    await this.producer.ping();
  }

  async close(): Promise<void> {
    for (const client of [this.producer, this.consumer]) client.disconnect();
  }
}
