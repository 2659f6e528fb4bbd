import { gunzipSync } from 'node:zlib';
import pg from 'pg';
import { scan } from '../../src/journal/scan.js';

/** What became of the spans of one run, by the sender's book and by the database. */
export interface Verdict {
  sent: number;
  acknowledged: number;
  /** Never acknowledged, and stored all the same: the answer was lost. */
  recovered: number;
  /** Acknowledged and not stored. */
  lost: number;
  /** Stored and never sent. */
  invented: number;
  /** Stored more than once. */
  doubled: number;
  /** Other books that do not agree: postings, counts. */
  contradictions: string[];
}

/** Every span that was sent, and whether it was acknowledged. */
export class Ledger {
  private readonly spans = new Map<string, boolean>();

  sends(spanIds: readonly string[]): void {
    for (const id of spanIds) if (!this.spans.has(id)) this.spans.set(id, false);
  }

  acknowledges(spanIds: readonly string[]): void {
    for (const id of spanIds) this.spans.set(id, true);
  }

  /** Compares with all that the tenant has in the database. */
  async compare(databaseUrl: string, tenantId: number): Promise<Verdict> {
    const client = new pg.Client({ connectionString: databaseUrl });
    await client.connect();
    try {
      const stored = await storedSpans(client, tenantId);
      const verdict: Verdict = {
        sent: this.spans.size,
        acknowledged: 0,
        recovered: 0,
        lost: 0,
        invented: 0,
        doubled: 0,
        contradictions: await contradictions(
          client,
          tenantId,
          [...stored.values()].reduce((sum, n) => sum + n, 0),
        ),
      };
      for (const [id, isAcknowledged] of this.spans) {
        if (isAcknowledged) verdict.acknowledged++;
        if (isAcknowledged && !stored.has(id)) verdict.lost++;
        if (!isAcknowledged && stored.has(id)) verdict.recovered++;
      }
      for (const [id, n] of stored) {
        if (!this.spans.has(id)) verdict.invented++;
        if (n > 1) verdict.doubled++;
      }
      return verdict;
    } finally {
      await client.end();
    }
  }
}

async function storedSpans(client: pg.Client, tenantId: number): Promise<Map<string, number>> {
  const stored = new Map<string, number>();
  const { rows } = await client.query<{ payload: Buffer }>(`select payload from segments where tenant_id = $1`, [
    tenantId,
  ]);
  for (const { payload } of rows) {
    const spans = scan(gunzipSync(payload), { maxAttributeDepth: Infinity, maxSpans: Infinity });
    for (let i = 0; i < spans.n; i++) {
      const at = spans.spanIdAt[i]!;
      const id = Buffer.from(spans.bytes.subarray(at, at + 8)).toString('hex');
      stored.set(id, (stored.get(id) ?? 0) + 1);
    }
  }
  return stored;
}

/** Whether trace index, postings and counts speak of the same number of spans as the segments. */
async function contradictions(client: pg.Client, tenantId: number, stored: number): Promise<string[]> {
  const { rows } = await client.query<Record<string, number>>(
    `select
       (select coalesce(sum(span_count), 0)::float8 from segments where tenant_id = $1) as "segments",
       (select coalesce(sum(span_count), 0)::float8 from trace_segments where tenant_id = $1) as "trace index",
       (select coalesce(sum(n), 0)::float8 from postings where tenant_id = $1) as "postings",
       (select coalesce(sum(n), 0)::float8 from span_counts where tenant_id = $1 and outcome = 'stored') as "counted as stored"`,
    [tenantId],
  );
  const { rows: counts } = await client.query<{ received: number; decided: number }>(
    `select coalesce(sum(n) filter (where outcome = 'received'), 0)::float8 as received,
       coalesce(sum(n) filter (where outcome in ('stored', 'duplicate') or outcome like 'rejected:%'), 0)::float8 as decided
     from span_counts where tenant_id = $1`,
    [tenantId],
  );
  const found = Object.entries(rows[0]!).flatMap(([what, n]) => (n === stored ? [] : [`${what}: ${n} of ${stored}`]));
  const { received, decided } = counts[0]!;
  if (received !== decided) found.push(`received ${received}, decided ${decided}`);
  return found;
}
