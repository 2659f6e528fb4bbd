import type { Processor, Queue, QueueOptions, Worker, WorkerOptions } from 'bullmq';
import type { JobPayload } from './jobs.js';

export type JobQueue = Pick<Queue<JobPayload>, 'add' | 'close'>;
export type JobWorker = Pick<Worker<JobPayload>, 'close'>;
export type JobWorkerOptions = Omit<WorkerOptions, 'connection'>;

/** Injection token. */
export const QUEUE_BACKEND = Symbol('queue backend');

/** Where BullMQ keeps its jobs. Losing all of them loses no work. */
export interface QueueBackend {
  /** For the line that is said at start; holds no password. */
  readonly label: string;
  queue(name: string): JobQueue;
  worker(name: string, work: Processor<JobPayload>, options: JobWorkerOptions): JobWorker;
  /** Throws when it does not answer. */
  ping(): Promise<void>;
  /** Queues and workers are closed before. */
  close(): Promise<void>;
}

/** Nobody reads BullMQ's event stream, so little of it is kept. */
export const QUEUE_OPTIONS: Omit<QueueOptions, 'connection'> = { streams: { events: { maxLen: 100 } } };

export type QueueTrouble = (where: string, error: Error) => void;
