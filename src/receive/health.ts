import { probe, type ProbeResult } from '../probe.js';

/** Body of GET /health on the port of OTLP. */
export interface IngestHealth {
  status: ProbeResult;
  checks: { database: ProbeResult; queue: ProbeResult };
}

/** Spans can be stored as long as the database answers; what the queue misses is made up for later. */
export async function ingestHealth(database: Promise<void>, queue: Promise<void>): Promise<IngestHealth> {
  const checks = { database: await probe(database), queue: await probe(queue) };
  return { status: checks.database, checks };
}
