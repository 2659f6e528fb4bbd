import { isIP } from 'node:net';
import ipaddr from 'ipaddr.js';
import { z } from 'zod';
import { keyPrefix } from './access/key.js';
import { isLoopbackHost } from './access/loopback.js';

/** Injection token of the frozen `Config`. */
export const CONFIG = Symbol('config');

const MIB = 2 ** 20;
const ROLES = ['ingest', 'worker', 'api'] as const;
const SECRETS: ReadonlySet<string> = new Set([
  'DATABASE_URL',
  'REDIS_URL',
  'TRACEHOUND_SECRET_KEY',
  'TRACEHOUND_SECRET_KEY_PREVIOUS',
  'TRACEHOUND_ADMIN_KEY',
]);

const port = (fallback: number) => whole(1, 65_535, fallback);
const SETTINGS = z.object({
  DATABASE_URL: url('a PostgreSQL URL such as postgres://user:password@host:5432/tracehound', [
    'postgres:',
    'postgresql:',
  ]),
  REDIS_URL: url('a Redis URL such as redis://host:6379', ['redis:', 'rediss:']).optional(),
  ROLES: z
    .string()
    .default(ROLES.join(','))
    .transform((text) => listOf(text))
    .refine((names) => names.length > 0 && names.every((name) => (ROLES as readonly string[]).includes(name)), {
      error: `one or more of ${ROLES.join(', ')}, separated by commas`,
    }),
  LISTEN_HOST: z
    .string()
    .default('127.0.0.1')
    .refine((host) => host === 'localhost' || isIP(host) !== 0, { error: 'an IP address or localhost' }),
  OTLP_HTTP_PORT: port(4318),
  OTLP_GRPC_PORT: whole(0, 65_535, 4317),
  API_PORT: port(16686),
  RETENTION_HOURS: whole(1, 24 * 366, 24),
  RETENTION_ANOMALOUS_HOURS: whole(0, 24 * 366, 168),
  RETENTION_MAX_BYTES: whole(0, 1024 * 1024 * 1024 * MIB, 0),
  RETENTION_KEPT_MAX_BYTES: whole(0, 1024 * 1024 * 1024 * MIB, 1024 * MIB),
  INGEST_MAX_BODY_BYTES: whole(1024, 1024 * MIB, 64 * MIB),
  INGEST_MAX_DECODED_BYTES: whole(1024, 1024 * MIB, 64 * MIB),
  INGEST_MAX_SPAN_AGE_HOURS: whole(0, 24 * 366 * 100, 168),
  INGEST_MAX_FUTURE_S: whole(0, 86_400 * 366, 300),
  INGEST_MAX_OPERATIONS_PER_SERVICE: whole(1, 1_000_000, 2_000),
  INGEST_MAX_PENDING_BYTES: whole(1024, 16 * 1024 * MIB, 64 * MIB),
  INGEST_MAX_ATTRIBUTE_DEPTH: whole(1, 1_000, 64),
  INGEST_MAX_SPANS_PER_REQUEST: whole(1, 10_000_000, 100_000),
  INGEST_MAX_ATTRIBUTES_PER_SPAN: whole(1, 10_000_000, 1_024),
  INGEST_MAX_EVENTS_PER_SPAN: whole(1, 10_000_000, 1_024),
  INGEST_MAX_LINKS_PER_SPAN: whole(1, 10_000_000, 1_024),
  INGEST_MAX_NAME_BYTES: whole(255, 1024 * MIB, 65_536),
  INGEST_MAX_SPANS_PER_SECOND: whole(0, 1_000_000_000, 0),
  INGEST_MAX_BYTES_PER_SECOND: whole(0, 1024 * 1024 * MIB, 0),
  INGEST_BURST_S: whole(1, 3_600, 10),
  SAMPLING_ATTRIBUTES: z
    .string()
    .default('')
    .transform((text) => listOf(text)),
  INGEST_THREADS: whole(1, 64, 2),
  OUTBOUND_ALLOW: z
    .string()
    .transform((text) => listOf(text))
    .refine((ranges) => ranges.every((range) => ipaddr.isValidCIDR(range)), {
      error: 'address ranges such as 10.0.0.0/8 or fd00::/8, separated by commas',
    })
    .optional(),
  OUTBOUND_TIMEOUT_MS: whole(100, 60_000, 15_000),
  TRACEHOUND_SECRET_KEY: z
    .string()
    .regex(/^[\w+/=-]{43,}$/, {
      error: '32 random bytes or more as hexadecimal digits or base64, such as "openssl rand -hex 32" prints',
    })
    .optional(),
  TRACEHOUND_SECRET_KEY_PREVIOUS: z
    .string()
    .default('')
    .transform((text) => listOf(text))
    .refine((keys) => keys.every((key) => key.length >= 43), {
      error: 'the keys that TRACEHOUND_SECRET_KEY had before, newest first, separated by commas',
    }),
  TRACEHOUND_ADMIN_KEY: z
    .string()
    .refine((text) => keyPrefix(text) !== null, {
      error: 'a key of the form th_<8 of 0-9 a-z>_<43 of 0-9 A-Z a-z _ ->',
    })
    .optional(),
  TRACEHOUND_RULES_FILE: z.string().optional(),
  TRACEHOUND_DATA_DIR: z.string().default('.data'),
  ALLOW_UNAUTHENTICATED: z
    .enum(['true', 'false'], { error: 'true or false' })
    .default('false')
    .transform((text) => text === 'true'),
  PUBLIC_URL: url('an http or https URL', ['http:', 'https:']).optional(),
  TIME_ZONE: z
    .string()
    .default('UTC')
    .refine((zone) => isTimeZone(zone), { error: 'an IANA time zone such as Europe/Berlin' }),
});

type Settings = z.output<typeof SETTINGS>;

/** What the process was told to be, checked and frozen. */
export type Config = ReturnType<typeof nest>;

/** A setting that cannot be used; the message lists all of them, one a line. */
export class ConfigError extends Error {
  constructor(readonly problems: readonly string[]) {
    super(`The configuration cannot be used:\n${problems.map((problem) => `  ${problem}`).join('\n')}`);
    this.name = 'ConfigError';
  }
}

/** Reads the settings out of environment variables; an empty one counts as not set. Throws ConfigError naming every problem. */
export function parseConfig(env: Record<string, string | undefined>): Config {
  const given = Object.fromEntries(
    Object.keys(SETTINGS.shape)
      .map((name) => [name, env[name]?.trim()] as const)
      .filter(([name, value]) => value !== undefined && (value !== '' || name === 'OUTBOUND_ALLOW')),
  );
  const parsed = SETTINGS.safeParse(given);
  if (!parsed.success) throw new ConfigError(parsed.error.issues.map((issue) => problemOf(issue, given)));
  const config = nest(parsed.data);
  const problems = contradictions(config);
  if (problems.length > 0) throw new ConfigError(problems);
  return freeze(config);
}

/** The configuration of this process. */
export function loadConfig(): Config {
  return parseConfig(process.env);
}

function nest(settings: Settings) {
  const host = settings.LISTEN_HOST;
  return {
    databaseUrl: settings.DATABASE_URL,
    redisUrl: settings.REDIS_URL,
    roles: {
      ingest: settings.ROLES.includes('ingest'),
      worker: settings.ROLES.includes('worker'),
      api: settings.ROLES.includes('api'),
    },
    listen: {
      host,
      /** Only programs on this machine can connect. */
      loopbackOnly: isLoopbackHost(host),
      otlpPort: settings.OTLP_HTTP_PORT,
      /** 0: off. */
      otlpGrpcPort: settings.OTLP_GRPC_PORT,
      apiPort: settings.API_PORT,
    },
    retention: {
      ordinaryHours: settings.RETENTION_HOURS,
      anomalousHours: settings.RETENTION_ANOMALOUS_HOURS,
      maxBytes: settings.RETENTION_MAX_BYTES,
      keptMaxBytes: settings.RETENTION_KEPT_MAX_BYTES,
    },
    ingest: {
      maxBodyBytes: settings.INGEST_MAX_BODY_BYTES,
      maxDecodedBytes: settings.INGEST_MAX_DECODED_BYTES,
      /** 0: any age. */
      maxSpanAgeHours: settings.INGEST_MAX_SPAN_AGE_HOURS,
      maxFutureS: settings.INGEST_MAX_FUTURE_S,
      maxOperationsPerService: settings.INGEST_MAX_OPERATIONS_PER_SERVICE,
      maxPendingBytes: settings.INGEST_MAX_PENDING_BYTES,
      maxAttributeDepth: settings.INGEST_MAX_ATTRIBUTE_DEPTH,
      maxSpansPerRequest: settings.INGEST_MAX_SPANS_PER_REQUEST,
      maxAttributesPerSpan: settings.INGEST_MAX_ATTRIBUTES_PER_SPAN,
      maxEventsPerSpan: settings.INGEST_MAX_EVENTS_PER_SPAN,
      maxLinksPerSpan: settings.INGEST_MAX_LINKS_PER_SPAN,
      maxNameBytes: settings.INGEST_MAX_NAME_BYTES,
      /** Of each tenant that has no limit of its own; 0: none. */
      maxSpansPerSecond: settings.INGEST_MAX_SPANS_PER_SECOND,
      maxBytesPerSecond: settings.INGEST_MAX_BYTES_PER_SECOND,
      burstS: settings.INGEST_BURST_S,
      threads: settings.INGEST_THREADS,
    },
    sampling: {
      /** Span attributes that state 1 / probability, or the probability. */
      attributes: settings.SAMPLING_ATTRIBUTES,
    },
    outbound: {
      /** Address ranges that messages may go to although they are private. */
      allow: settings.OUTBOUND_ALLOW ?? [],
      /** Whether the list was given, be it empty. */
      allowIsSet: settings.OUTBOUND_ALLOW !== undefined,
      /** How long a receiver's answer is waited for, and so is a connection. */
      timeoutMs: settings.OUTBOUND_TIMEOUT_MS,
    },
    secretKey: settings.TRACEHOUND_SECRET_KEY,
    previousSecretKeys: settings.TRACEHOUND_SECRET_KEY_PREVIOUS,
    adminKey: settings.TRACEHOUND_ADMIN_KEY,
    /** Alert rules of tenant `default`. */
    rulesFile: settings.TRACEHOUND_RULES_FILE,
    dataDir: settings.TRACEHOUND_DATA_DIR,
    allowUnauthenticated: settings.ALLOW_UNAUTHENTICATED,
    timeZone: settings.TIME_ZONE,
    /** Whether somebody said under which address readers reach this service. */
    publicUrlIsSet: settings.PUBLIC_URL !== undefined,
    publicUrl: (settings.PUBLIC_URL ?? `http://localhost:${settings.API_PORT}`).replace(/\/+$/, ''),
  };
}

function contradictions({ listen, roles }: Config): string[] {
  if (!roles.ingest) return [];
  const ports = [
    ['OTLP_HTTP_PORT', listen.otlpPort],
    ['OTLP_GRPC_PORT', listen.otlpGrpcPort],
    ['API_PORT', listen.apiPort],
  ] as const;
  return ports.flatMap(([name, port], i) => {
    const [same] = ports.slice(0, i).find(([, other]) => other === port) ?? [];
    return same === undefined ? [] : [`${name} is ${port}, the same as ${same}; expected two different ports`];
  });
}

function problemOf(issue: z.core.$ZodIssue, given: Record<string, string | undefined>): string {
  const name = String(issue.path[0]);
  const value = given[name];
  if (value === undefined) return `${name} is not set; expected ${issue.message}`;
  return `${name} is ${SECRETS.has(name) ? 'not usable (value not shown)' : JSON.stringify(value)}; expected ${issue.message}`;
}

function isTimeZone(zone: string): boolean {
  try {
    return new Intl.DateTimeFormat('en', { timeZone: zone }).resolvedOptions().timeZone !== '';
  } catch {
    return false;
  }
}

function url(expected: string, protocols: string[]) {
  return z
    .string({ error: expected })
    .refine((text) => URL.canParse(text) && protocols.includes(new URL(text).protocol), { error: expected });
}

function whole(min: number, max: number, fallback: number) {
  const error = `a whole number from ${min} to ${max}`;
  return z
    .string()
    .regex(/^\d{1,15}$/, { error })
    .transform(Number)
    .refine((value) => value >= min && value <= max, { error })
    .default(fallback);
}

function listOf(text: string): string[] {
  return text
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '');
}

function freeze<T extends object>(value: T): T {
  for (const part of Object.values(value)) if (typeof part === 'object' && part !== null) freeze(part);
  return Object.freeze(value);
}
