import { probe, type ProbeResult } from '../probe.js';

/** Body of GET /health on the port of OTLP. */
export interface IngestHealth {
  status: ProbeResult;
  checks: { database: ProbeResult; queue: ProbeResult };
}

/** Spans can be stored as long as the database answers; what the queue misses is made up for later. */
export async function ingestHealth(database: Promise<void>, queue: Promise<void>): Promise<IngestHealth> {
  const [stored, rung] = await Promise.all([probe(database), probe(queue)]);
  const checks = { database: stored, queue: rung };
  return { status: checks.database, checks };
}
