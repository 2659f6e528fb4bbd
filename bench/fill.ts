import { createHash } from 'node:crypto';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import type { Journal } from '../src/journal/write.js';
import { scan } from '../src/journal/scan.js';
import { floorHour } from '../src/model/window.js';

const gzipAsync = promisify(gzip);
const AT_ONCE = 16;

/** Stores the requests as the receiver does, sixteen at a time; returns the number of spans. */
export async function fill(journal: Journal, tenantId: number, bodies: Iterable<Buffer>): Promise<number> {
  let stored = 0;
  const under = new Set<Promise<void>>();
  for (const body of bodies) {
    const each: Promise<void> = append(journal, tenantId, body)
      .then((n) => void (stored += n))
      .finally(() => under.delete(each));
    under.add(each);
    if (under.size >= AT_ONCE) await Promise.race(under);
  }
  await Promise.all(under);
  return stored;
}

async function append(journal: Journal, tenantId: number, body: Buffer): Promise<number> {
  const spans = scan(body, { maxAttributeDepth: 64, maxSpans: 100_000, notesAttributes: true });
  const payload = await gzipAsync(body, { level: 1 });
  await journal.openHours(new Set(Array.from(spans.endUs.subarray(0, spans.n), (endUs) => floorHour(endUs / 1_000))));
  await journal.append(tenantId, {
    key: createHash('sha256').update(body).digest().subarray(0, 16),
    payload: { gzip: payload },
    release: () => undefined,
    decodedBytes: body.length,
    spans,
    received: spans.n,
    rejected: new Map(),
    endsEarly: 0,
  });
  return spans.n;
}
