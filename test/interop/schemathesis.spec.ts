import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { createTestDatabase, type TestDatabase } from '../support/database.js';
import { startService } from '../support/service.js';
import { itWith, schemathesis } from './peers.js';

/** Without a key it would make one, and be a stranger from then on. */
const ADMIN_KEY = `th_fuzzfuzz_${'k'.repeat(43)}`;
/** Requests made up for each operation; set by `npm run test:openapi`, without which this takes too long. */
const EXAMPLES = process.env['LONG_EXAMPLES'];
const itWhenAsked = EXAMPLES === undefined ? it.skip : itWith({ schemathesis });

let database: TestDatabase;
let service: Awaited<ReturnType<typeof startService>>;

describe('schemathesis', () => {
  beforeAll(async () => {
    if (EXAMPLES === undefined) return;
    database = await createTestDatabase('schemathesis');
    // What it makes up must not reach anything: no address at all is allowed besides public ones, and this machine has none.
    service = await startService({
      databaseUrl: database.url,
      env: { ROLES: 'api', OUTBOUND_ALLOW: '', TRACEHOUND_ADMIN_KEY: ADMIN_KEY },
    });
  });
  afterAll(async () => {
    await service?.stop();
    await database?.drop();
  });

  itWhenAsked('finds no answer that the OpenAPI document does not promise, and no error of the service', async () => {
    const checks = [
      'not_a_server_error',
      'status_code_conformance',
      'content_type_conformance',
      'response_schema_conformance',
    ];
    const args = [
      'run',
      `${service.apiUrl}/api/docs-json`,
      ...['--checks', checks.join(','), '--max-examples', EXAMPLES ?? '20', '--phases', 'examples,coverage,fuzzing'],
      ...['--header', `Authorization: Bearer ${ADMIN_KEY}`, '--workers', '1', '--seed', '1', '--request-timeout', '30'],
    ];
    // It leaves notes in the directory where it runs.
    const cwd = mkdtempSync(path.join(os.tmpdir(), 'schemathesis-'));
    const child = spawn(schemathesis!, args, { cwd, stdio: 'inherit', env: { ...process.env, NO_COLOR: '1' } });
    const code = await new Promise<number | null>((ended) => child.once('close', ended));
    rmSync(cwd, { recursive: true, force: true });
    expect(service.output()).not.toMatch(/ERROR/);
    expect(code).toBe(0);
  });
});
