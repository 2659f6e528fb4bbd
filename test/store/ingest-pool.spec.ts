import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { createTestDatabase, type TestDatabase } from '../support/database.js';
import { openJournal, spanCounts, type TestJournal } from '../support/journal.js';
import { requestOf, span } from '../support/otlp-proto.js';

const LOAD = fileURLToPath(new URL('../support/ingest-pool-load.mjs', import.meta.url));
const REQUESTS = 600;
const SPANS_A_REQUEST = 5;

let database: TestDatabase;
let journal: TestJournal;
beforeAll(async () => {
  database = await createTestDatabase('ingest_pool');
  journal = await openJournal(database.url);
});
afterAll(async () => {
  await journal.close();
  await database.drop();
});

it('threads that end under load lose nothing, double nothing, and are replaced', async () => {
  const traceIds = Array.from({ length: REQUESTS }, () => randomBytes(16));
  const bodies = traceIds.map((traceId, i) =>
    requestOf(
      `service-${i % 7}`,
      Array.from({ length: SPANS_A_REQUEST }, () => span(Date.now(), { traceId })),
    ),
  );
  const directory = mkdtempSync(path.join(os.tmpdir(), 'tracehound-pool-'));
  const file = path.join(directory, 'bodies');
  writeFileSync(file, bodies.map((body) => Buffer.from(body).toString('base64')).join('\n'));
  const { stdout } = await promisify(execFile)(process.execPath, [LOAD, file], {
    env: { DATABASE_URL: database.url, INGEST_THREADS: '2' },
  });
  rmSync(directory, { recursive: true });
  const { answered, seen, failures, threads } = JSON.parse(stdout.trim().split('\n').at(-1)!);

  expect(answered).toBe(REQUESTS);
  expect(threads).toBe(2 + 1 + 2);
  expect(seen).toBeGreaterThan(0);
  const what = Object.keys(failures);
  expect(what).toContain('Unavailable: the thread that had this request ended');
  expect(what.filter((each) => !each.startsWith('Unavailable: '))).toEqual([]);

  const [stored] = await journal.db.query(
    `select count(distinct trace_id)::int4 as traces, sum(span_count)::int4 as spans from trace_segments`,
  );
  expect(stored).toEqual({ traces: REQUESTS, spans: REQUESTS * SPANS_A_REQUEST });
  const counts = await spanCounts(journal);
  expect(counts['stored']).toBe(REQUESTS * SPANS_A_REQUEST);
  expect(counts['received']).toBe(counts['stored']! + (counts['duplicate'] ?? 0));
});
