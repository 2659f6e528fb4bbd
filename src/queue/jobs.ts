import { z } from 'zod';

/** One job a stage; each has a queue of its own. */
export const JOBS = [
  'close',
  'measure',
  'baseline',
  'detect',
  'rank',
  'incident',
  'correlate',
  'evaluate',
  'alert',
  'route',
  'notify',
  'propose',
] as const;
export type JobName = (typeof JOBS)[number];

/** A job only says whose tables to look at: what there is to do stands in Postgres. */
export const JOB_PAYLOAD = z.object({ tenantId: z.int().positive() });
export type JobPayload = z.infer<typeof JOB_PAYLOAD>;

/** Work of a tenant that waits in Postgres. */
export interface DueJob {
  job: JobName;
  tenantId: number;
}

/** Injection token of `() => Promise<DueJob[]>`: what the tick rings for. */
export const DUE = Symbol('due');
