const TIMEOUT_MS = 3_000;

export type ProbeResult = 'ok' | 'unavailable';

/** What became of a ping within three seconds. Why it failed stays in the log of whoever uses it: health answers are open to all. */
export async function probe(ping: Promise<void>): Promise<ProbeResult> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<ProbeResult>((resolve) => {
    timer = setTimeout(() => resolve('unavailable'), TIMEOUT_MS);
  });
  const answered = ping.then(
    (): ProbeResult => 'ok',
    (): ProbeResult => 'unavailable',
  );
  try {
    return await Promise.race([answered, late]);
  } finally {
    clearTimeout(timer);
  }
}
