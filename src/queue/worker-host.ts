import {
  Inject,
  Injectable,
  Logger,
  type BeforeApplicationShutdown,
  type OnApplicationBootstrap,
} from '@nestjs/common';
import { UnrecoverableError } from 'bullmq';
import { CONFIG, type Config } from '../config.js';
import { Rejected, Unavailable } from '../model/failure.js';
import { QUEUE_BACKEND, type JobWorker, type QueueBackend } from './backend.js';
import { JOB_PAYLOAD, type JobName } from './jobs.js';

export type JobHandler = (tenantId: number) => Promise<void>;

/** Tenants handled at the same time by one process, for each job: those compute, and a process has one thread … */
const TENANTS_AT_ONCE = 2;
/** … but sending waits for receivers, the slowest of which must not hold up other tenants. */
const SENDING_AT_ONCE = 16;
/** A job whose process died is taken up again by another after this time, or the next look after it. */
const LOCK_MS = 10_000;
const LOST_JOB_LOOK_MS = 5_000;
const RECONNECT_MS = 1_000;
/** With the ten seconds that open requests get, within what a supervisor waits. */
const DRAIN_MS = 4_000;

/** Runs one handler a job, several tenants at once, each by one worker at a time. Without role `worker` it runs nothing. */
@Injectable()
export class WorkerHost implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private readonly log = new Logger(WorkerHost.name);
  private readonly handlers = new Map<JobName, JobHandler>();
  private workers: JobWorker[] = [];
  private readonly running = new Set<Promise<void>>();

  constructor(
    @Inject(QUEUE_BACKEND) private readonly backend: QueueBackend,
    @Inject(CONFIG) private readonly config: Pick<Config, 'roles'>,
  ) {}

  /** To be called before the application has started; the handler runs from then on. It must bear to be run again. */
  handle(job: JobName, handler: JobHandler): void {
    if (this.handlers.has(job)) throw new Error(`job ${job} has a handler already`);
    this.handlers.set(job, handler);
  }

  onApplicationBootstrap(): void {
    if (!this.config.roles.worker) return;
    this.workers = Array.from(this.handlers, ([job, handler]) =>
      this.backend.worker(job, ({ data }) => this.track(this.run(job, handler, data)), {
        concurrency: job === 'notify' ? SENDING_AT_ONCE : TENANTS_AT_ONCE,
        lockDuration: LOCK_MS,
        stalledInterval: LOST_JOB_LOOK_MS,
        // A process that dies is not the job's fault.
        maxStalledCount: 1_000,
        runRetryDelay: RECONNECT_MS,
      }),
    );
  }

  /** Takes no new jobs and waits for the running ones. */
  async beforeApplicationShutdown(): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const tooLong = new Promise<'late'>((resolve) => {
      timer = setTimeout(() => resolve('late'), DRAIN_MS);
    });
    const outcome = await Promise.race([this.drain(), tooLong]);
    clearTimeout(timer);
    if (outcome === 'late')
      this.log.warn(`jobs still run after ${DRAIN_MS / 1000} s; another process takes them up again`);
  }

  private async drain(): Promise<void> {
    await Promise.allSettled(this.workers.map((worker) => worker.close()));
    // Workers that lost their queue close without waiting for what they run.
    await Promise.allSettled(this.running);
  }

  private async track(work: Promise<void>): Promise<void> {
    this.running.add(work);
    try {
      await work;
    } finally {
      this.running.delete(work);
    }
  }

  private async run(job: JobName, handler: JobHandler, data: unknown): Promise<void> {
    const payload = JOB_PAYLOAD.safeParse(data);
    if (!payload.success) throw new UnrecoverableError(`job ${job} holds no tenant id`);
    const { tenantId } = payload.data;
    try {
      await handler(tenantId);
    } catch (error) {
      const what = `${job} of tenant ${tenantId}`;
      if (error instanceof Rejected) {
        this.log.warn(`${what} was rejected, not tried again: ${error.message}`);
        throw new UnrecoverableError(error.message);
      }
      if (error instanceof Unavailable) this.log.warn(`${what} will be tried again: ${error.message}`);
      else this.log.error(`${what} failed`, error instanceof Error ? error.stack : String(error));
      throw error;
    }
  }
}
