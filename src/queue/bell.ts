import { Inject, Injectable, type OnApplicationShutdown } from '@nestjs/common';
import { Counter } from 'prom-client';
import { QUEUE_BACKEND, type JobQueue, type QueueBackend } from './backend.js';
import { JOBS, type JobName } from './jobs.js';
import { TroubleLog } from '../trouble-log.js';

const RING_TIMEOUT_MS = 2_000;
const ATTEMPTS = 5;
const FIRST_RETRY_MS = 1_000;

const failedRings = new Counter({
  name: 'tracehound_queue_rings_failed_total',
  help: 'Bells that the queue did not take; the tick rings again for what waits in the database.',
  labelNames: ['job'],
});

interface Ringing {
  current: Promise<void>;
  next?: Promise<void>;
}

/** Tells workers that a tenant has work waiting. */
@Injectable()
export class Bell implements OnApplicationShutdown {
  private readonly log = new TroubleLog(Bell.name);
  private readonly queues: ReadonlyMap<JobName, JobQueue>;
  private readonly ringing = new Map<string, Ringing>();

  constructor(@Inject(QUEUE_BACKEND) backend: QueueBackend) {
    this.queues = new Map(JOBS.map((job) => [job, backend.queue(job)]));
  }

  /**
   * Makes sure that the job's handler runs for the tenant after this call, once for any number of rings before it starts; a ring while it
   * runs makes it run once more. Takes two seconds at most and never throws: on queue trouble the tick rings again.
   */
  async ring(job: JobName, tenantId: number): Promise<void> {
    await this.ringOnce(job, tenantId);
  }

  async onApplicationShutdown(): Promise<void> {
    await Promise.allSettled(Array.from(this.queues.values(), (queue) => queue.close()));
  }

  /** However often it is rung, one ring is on its way and one waits for it: a slow queue never piles up callers' work. */
  private ringOnce(job: JobName, tenantId: number): Promise<void> {
    const key = `${job}:${tenantId}`;
    const ringing = this.ringing.get(key);
    if (ringing === undefined) {
      const started: Ringing = { current: this.add(job, tenantId) };
      this.ringing.set(key, started);
      void this.settle(key, started);
      return started.current;
    }
    ringing.next ??= ringing.current.then(() => this.add(job, tenantId));
    return ringing.next;
  }

  private async settle(key: string, ringing: Ringing): Promise<void> {
    await ringing.current;
    while (ringing.next !== undefined) {
      ringing.current = ringing.next;
      delete ringing.next;
      await ringing.current;
    }
    this.ringing.delete(key);
  }

  private async add(job: JobName, tenantId: number): Promise<void> {
    const added = this.queue(job).add(
      job,
      { tenantId },
      {
        deduplication: { id: String(tenantId), keepLastIfActive: true },
        attempts: ATTEMPTS,
        backoff: { type: 'exponential', delay: FIRST_RETRY_MS },
        removeOnComplete: true,
        removeOnFail: { age: 86_400, count: 100 },
      },
    );
    let timer: NodeJS.Timeout | undefined;
    const timeout = new Promise<never>((_resolve, reject) => {
      const late = () => reject(new Error(`the queue did not answer within ${RING_TIMEOUT_MS / 1000} s`));
      timer = setTimeout(late, RING_TIMEOUT_MS);
    });
    try {
      await Promise.race([added, timeout]);
    } catch (error) {
      failedRings.inc({ job });
      this.log.say(`could not ring ${job} for tenant ${tenantId}`, error as Error);
    } finally {
      clearTimeout(timer);
    }
  }

  private queue(job: JobName): JobQueue {
    const queue = this.queues.get(job);
    if (queue === undefined) throw new Error(`no queue for job ${job}`);
    return queue;
  }
}
