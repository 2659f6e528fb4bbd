const TIMEOUT_MS = 3_000;

export type CheckResult = 'ok' | 'unavailable';

/** Body of GET /health on the port of OTLP. */
export interface IngestHealth {
  status: CheckResult;
  checks: { database: CheckResult; queue: CheckResult };
}

/** Spans can be stored as long as the database answers; what the queue misses is made up for later. */
export async function ingestHealth(database: Promise<void>, queue: Promise<void>): Promise<IngestHealth> {
  const checks = { database: await settled(database), queue: await settled(queue) };
  return { status: checks.database, checks };
}

async function settled(ping: Promise<void>): Promise<CheckResult> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<CheckResult>((resolve) => {
    timer = setTimeout(() => resolve('unavailable'), TIMEOUT_MS);
  });
  const answered = ping.then(
    (): CheckResult => 'ok',
    (): CheckResult => 'unavailable',
  );
  try {
    return await Promise.race([answered, late]);
  } finally {
    clearTimeout(timer);
  }
}
