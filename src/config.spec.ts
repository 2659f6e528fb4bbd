import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { ConfigError, parseConfig } from './config.js';

const DATABASE_URL = 'postgres://user:pass-word@db:5432/tracehound';
const ADMIN_KEY = `th_abcdefgh_${'A'.repeat(43)}`;

describe('parseConfig', () => {
  it('has a default for everything but the database', () => {
    expect(parseConfig({ DATABASE_URL })).toEqual({
      databaseUrl: DATABASE_URL,
      redisUrl: undefined,
      roles: { ingest: true, worker: true, api: true },
      listen: { host: '127.0.0.1', loopbackOnly: true, otlpPort: 4318, otlpGrpcPort: 4317, apiPort: 16686 },
      retention: { ordinaryHours: 24, anomalousHours: 168, maxBytes: 0, keptMaxBytes: 1_073_741_824 },
      ingest: {
        maxBodyBytes: 64 * 2 ** 20,
        maxDecodedBytes: 64 * 2 ** 20,
        maxSpanAgeHours: 168,
        maxFutureS: 300,
        maxOperationsPerService: 2_000,
        maxPendingBytes: 64 * 2 ** 20,
        maxAttributeDepth: 64,
        maxSpansPerRequest: 100_000,
        maxAttributesPerSpan: 1_024,
        maxEventsPerSpan: 1_024,
        maxLinksPerSpan: 1_024,
        maxNameBytes: 65_536,
        maxSpansPerSecond: 0,
        maxBytesPerSecond: 0,
        burstS: 10,
        threads: 2,
      },
      sampling: { attributes: [] },
      outbound: { allow: [], allowIsSet: false, timeoutMs: 15_000 },
      secretKey: undefined,
      previousSecretKeys: [],
      adminKey: undefined,
      dataDir: '.data',
      allowUnauthenticated: false,
      publicUrlIsSet: false,
      publicUrl: 'http://localhost:16686',
      timeZone: 'UTC',
    });
  });

  it.each([
    { name: 'roles', env: { ROLES: ' worker , api' }, expected: { roles: { ingest: false, worker: true, api: true } } },
    { name: 'Redis', env: { REDIS_URL: 'rediss://r:6380/1' }, expected: { redisUrl: 'rediss://r:6380/1' } },
    {
      name: 'a host that others reach',
      env: { LISTEN_HOST: '0.0.0.0' },
      expected: { listen: { loopbackOnly: false } },
    },
    { name: 'loopback over IPv6', env: { LISTEN_HOST: '::1' }, expected: { listen: { loopbackOnly: true } } },
    { name: 'localhost', env: { LISTEN_HOST: 'localhost' }, expected: { listen: { loopbackOnly: true } } },
    {
      name: 'ports',
      env: { OTLP_HTTP_PORT: '14318', API_PORT: '80' },
      expected: { listen: { otlpPort: 14318, apiPort: 80 }, publicUrl: 'http://localhost:80' },
    },
    { name: 'no gRPC', env: { OTLP_GRPC_PORT: '0' }, expected: { listen: { otlpGrpcPort: 0 } } },
    { name: 'any age of spans', env: { INGEST_MAX_SPAN_AGE_HOURS: '0' }, expected: { ingest: { maxSpanAgeHours: 0 } } },
    {
      name: 'networks to send to',
      env: { OUTBOUND_ALLOW: '10.0.0.0/8, fd00::/8' },
      expected: { outbound: { allow: ['10.0.0.0/8', 'fd00::/8'], allowIsSet: true } },
    },
    {
      name: 'no network to send to, said so',
      env: { OUTBOUND_ALLOW: '' },
      expected: { outbound: { allow: [], allowIsSet: true } },
    },
    {
      name: 'how long receivers are waited for',
      env: { OUTBOUND_TIMEOUT_MS: '3000' },
      expected: { outbound: { timeoutMs: 3_000 } },
    },
    {
      name: 'an empty variable as one that is not set',
      env: { API_PORT: ' ' },
      expected: { listen: { apiPort: 16686 } },
    },
    {
      name: 'a public address without its last slash',
      env: { PUBLIC_URL: 'https://traces.example/x/' },
      expected: { publicUrl: 'https://traces.example/x', publicUrlIsSet: true },
    },
    { name: 'open to all', env: { ALLOW_UNAUTHENTICATED: 'true' }, expected: { allowUnauthenticated: true } },
    {
      name: 'keys',
      env: { TRACEHOUND_ADMIN_KEY: ADMIN_KEY, TRACEHOUND_SECRET_KEY: 'ab'.repeat(32) },
      expected: { adminKey: ADMIN_KEY, secretKey: 'ab'.repeat(32) },
    },
    { name: 'nothing of other variables', env: { PATH: '/bin' }, expected: {} },
  ])('reads $name', ({ env, expected }) => {
    expect(parseConfig({ DATABASE_URL, ...env })).toMatchObject(expected);
  });

  it.each([
    {
      name: 'no database',
      env: { DATABASE_URL: undefined },
      problem: /^DATABASE_URL is not set; expected a PostgreSQL URL such as /,
    },
    {
      name: 'a database that is no PostgreSQL',
      env: { DATABASE_URL: 'mysql://u:hidden@h/d' },
      problem: /^DATABASE_URL is not usable \(value not shown\); expected a PostgreSQL URL/,
    },
    {
      name: 'a role that is none',
      env: { ROLES: 'api,web' },
      problem: 'ROLES is "api,web"; expected one or more of ingest, worker, api, separated by commas',
    },
    { name: 'no role', env: { ROLES: ',' }, problem: /^ROLES is ","; expected one or more/ },
    {
      name: 'a port out of range',
      env: { API_PORT: '70000' },
      problem: 'API_PORT is "70000"; expected a whole number from 1 to 65535',
    },
    {
      name: 'a number with a unit',
      env: { INGEST_MAX_BODY_BYTES: '64MB' },
      problem: /^INGEST_MAX_BODY_BYTES is "64MB"; expected a whole number/,
    },
    {
      name: 'a negative number',
      env: { RETENTION_HOURS: '-1' },
      problem: /^RETENTION_HOURS is "-1"; expected a whole/,
    },
    {
      name: 'a host name',
      env: { LISTEN_HOST: 'my-host' },
      problem: 'LISTEN_HOST is "my-host"; expected an IP address or localhost',
    },
    {
      name: 'a network without its length',
      env: { OUTBOUND_ALLOW: '10.0.0.1' },
      problem: /^OUTBOUND_ALLOW is "10\.0\.0\.1"; expected address ranges/,
    },
    {
      name: 'no time for receivers',
      env: { OUTBOUND_TIMEOUT_MS: '0' },
      problem: 'OUTBOUND_TIMEOUT_MS is "0"; expected a whole number from 100 to 60000',
    },
    {
      name: 'a yes',
      env: { ALLOW_UNAUTHENTICATED: 'yes' },
      problem: 'ALLOW_UNAUTHENTICATED is "yes"; expected true or false',
    },
    {
      name: 'a public address that is none',
      env: { PUBLIC_URL: 'traces.example' },
      problem: 'PUBLIC_URL is "traces.example"; expected an http or https URL',
    },
    {
      name: 'one port for two servers',
      env: { API_PORT: '4318' },
      problem: 'API_PORT is 4318, the same as OTLP_HTTP_PORT; expected two different ports',
    },
    {
      name: 'one port for both forms of OTLP',
      env: { OTLP_GRPC_PORT: '4318' },
      problem: 'OTLP_GRPC_PORT is 4318, the same as OTLP_HTTP_PORT; expected two different ports',
    },
    {
      name: 'a secret key that is short',
      env: { TRACEHOUND_SECRET_KEY: 'hidden' },
      problem: /^TRACEHOUND_SECRET_KEY is not usable \(value not shown\); expected 32 random bytes/,
    },
    {
      name: 'an admin key of another form',
      env: { TRACEHOUND_ADMIN_KEY: 'hidden' },
      problem: /^TRACEHOUND_ADMIN_KEY is not usable \(value not shown\); expected a key of the form th_/,
    },
  ])('refuses $name', ({ env, problem }) => {
    const { problems, message } = failureOf({ DATABASE_URL, ...env });
    expect(problems).toEqual([typeof problem === 'string' ? problem : expect.stringMatching(problem)]);
    expect(message).not.toContain('hidden');
  });

  it('names all problems at once, one a line', () => {
    const { message } = failureOf({ DATABASE_URL: '', API_PORT: 'x', ROLES: 'y' });
    expect(message.split('\n')).toHaveLength(4);
    for (const name of ['DATABASE_URL', 'API_PORT', 'ROLES']) expect(message).toContain(`\n  ${name} is `);
  });

  it('is frozen through and through', () => {
    const config = parseConfig({ DATABASE_URL, OUTBOUND_ALLOW: '10.0.0.0/8' });
    expect(() => Object.assign(config.ingest, { maxBodyBytes: 1 })).toThrow(TypeError);
    expect(() => config.outbound.allow.push('0.0.0.0/0')).toThrow(TypeError);
  });
});

function failureOf(env: Record<string, string | undefined>): ConfigError {
  try {
    parseConfig(env);
  } catch (error) {
    if (error instanceof ConfigError) return error;
    throw error;
  }
  throw new Error('it was accepted');
}

describe('the table of limits in docs/operations.md', () => {
  const read = (file: string) => readFileSync(new URL(`../${file}`, import.meta.url), 'utf8');
  const rows = [...read('docs/operations.md').matchAll(/^\|[^|]+\| `(INGEST_\w+)` +\| (\d+)[^|]*\|/gm)];
  const inExample = [...read('.env.example').matchAll(/^(INGEST_\w+)=(\d+)$/gm)];
  const sorted = (found: RegExpMatchArray[]) => found.map(([, name, value]) => [name, value]).sort();

  it('names every limit with its default, as .env.example does', () => {
    expect(rows.length).toBeGreaterThan(10);
    expect(sorted(rows)).toEqual(sorted(inExample));
  });

  it('says what holds', () => {
    const given = Object.fromEntries(rows.map(([, name, value]) => [name, value]));
    const url = { DATABASE_URL: 'postgres://u:p@127.0.0.1/t' };
    expect(parseConfig({ ...url, ...given }).ingest).toEqual(parseConfig(url).ingest);
    // A setting that is missing from the table would show here: no two defaults may go without a row.
    expect(rows).toHaveLength(Object.keys(parseConfig(url).ingest).length);
  });
});
