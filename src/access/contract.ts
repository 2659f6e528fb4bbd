import { z } from 'zod';
import type { ApiKey } from '../store/key.store.js';
import type { Tenant } from '../store/tenant.store.js';
import { SCOPES } from '../model/scope.js';

const name = z
  .string()
  .trim()
  .min(1)
  .max(100)
  .regex(/^[^\p{C}]*$/u, { error: 'must not hold control or invisible characters' });
const instant = z.iso.datetime();

export const TenantInput = z.strictObject({ name }).meta({ id: 'TenantInput' });
export type TenantInput = z.infer<typeof TenantInput>;

export const TenantView = z.object({ id: z.int(), name: z.string(), createdAt: instant }).meta({ id: 'Tenant' });
export type TenantView = z.infer<typeof TenantView>;

export const TenantList = z.object({ tenants: z.array(TenantView) }).meta({ id: 'TenantList' });
export type TenantList = z.infer<typeof TenantList>;

export const KeyInput = z
  .strictObject({
    name,
    scopes: z.array(z.enum(SCOPES)).min(1).max(SCOPES.length).describe('`admin` includes `read`.'),
    tenantId: z.int().positive().max(2_147_483_647).optional().describe('Default: the tenant of the caller.'),
    expiresAt: z.iso.datetime({ offset: true }).nullish().describe('Default: never.'),
  })
  .meta({ id: 'KeyInput' });
export type KeyInput = z.infer<typeof KeyInput>;

export const KeyView = z
  .object({
    id: z.string(),
    tenantId: z.int(),
    name: z.string(),
    prefix: z.string().describe('The public part of the key, by which a leaked one is recognised.'),
    scopes: z.array(z.enum(SCOPES)),
    createdAt: instant,
    expiresAt: instant.nullable(),
    revokedAt: instant.nullable(),
    lastUsedAt: instant.nullable().describe('To the minute.'),
  })
  .meta({ id: 'Key' });
export type KeyView = z.infer<typeof KeyView>;

export const NewKeyView = KeyView.extend({ key: z.string().describe('Shown this once.') }).meta({ id: 'NewKey' });
export type NewKeyView = z.infer<typeof NewKeyView>;

export const KeyList = z.object({ keys: z.array(KeyView) }).meta({ id: 'KeyList' });
export type KeyList = z.infer<typeof KeyList>;

export const KeyPath = z.object({ id: z.string().regex(/^[1-9]\d{0,17}$/, { error: 'must be the id of a key' }) });
export type KeyPath = z.infer<typeof KeyPath>;

export const KeyQuery = z.object({
  tenantId: z.coerce.number().int().positive().max(2_147_483_647).optional(),
});
export type KeyQuery = z.infer<typeof KeyQuery>;

export const TenantPath = z.object({
  id: z.coerce.number().int().positive().max(2_147_483_647).describe('Of the tenant.'),
});
export type TenantPath = z.infer<typeof TenantPath>;

const rate = z
  .int()
  .nonnegative()
  .max(2 ** 50);

export const LimitsInput = z
  .strictObject({
    spansPerSecond: rate.nullable().describe('0: no limit; null: as INGEST_MAX_SPANS_PER_SECOND says.'),
    bytesPerSecond: rate.nullable().describe('Uncompressed. 0: no limit; null: as INGEST_MAX_BYTES_PER_SECOND says.'),
  })
  .meta({ id: 'TenantLimitsInput' });
export type LimitsInput = z.infer<typeof LimitsInput>;

export const LimitsView = z
  .object({
    spansPerSecond: rate.nullable(),
    bytesPerSecond: rate.nullable(),
    effective: z
      .object({ spansPerSecond: rate, bytesPerSecond: rate, burstSeconds: z.int() })
      .describe('What holds now in the process that answers; 0: no limit.'),
  })
  .meta({ id: 'TenantLimits' });
export type LimitsView = z.infer<typeof LimitsView>;

export const SpanNamesInput = z.strictObject({ normalise: z.boolean() }).meta({ id: 'SpanNamesInput' });
export type SpanNamesInput = z.infer<typeof SpanNamesInput>;

export const SpanNamesView = z
  .object({
    normalise: z.boolean().describe('Ids, numbers and the like count as placeholders in names of operations.'),
  })
  .meta({ id: 'SpanNames' });
export type SpanNamesView = z.infer<typeof SpanNamesView>;

export const SpanNamesTryInput = z
  .strictObject({ service: z.string().min(1).max(255) })
  .meta({ id: 'SpanNamesTryInput' });
export type SpanNamesTryInput = z.infer<typeof SpanNamesTryInput>;

export const SpanNamesTryView = z
  .object({
    service: z.string(),
    operations: z.int().describe('Operations of the service, by name and kind.'),
    remaining: z.int().describe('How many there would be.'),
    renamed: z.int().describe('How many of them would get another name.'),
    groups: z
      .array(
        z.object({
          name: z.string().describe('The name with placeholders.'),
          operations: z.int().describe('How many would share it.'),
          examples: z.array(z.string()).describe('Names of today, five at most.'),
        }),
      )
      .describe('Names that would change, most merged first, 100 at most.'),
  })
  .meta({ id: 'SpanNamesTry' });
export type SpanNamesTryView = z.infer<typeof SpanNamesTryView>;

export function tenantView({ id, name, createdAt }: Tenant): TenantView {
  return { id, name, createdAt: createdAt.toISOString() };
}

export function keyView(key: ApiKey): KeyView {
  return {
    id: key.id,
    tenantId: key.tenantId,
    name: key.name,
    prefix: key.prefix,
    scopes: key.scopes,
    createdAt: key.createdAt.toISOString(),
    expiresAt: key.expiresAt?.toISOString() ?? null,
    revokedAt: key.revokedAt?.toISOString() ?? null,
    lastUsedAt: key.lastUsedAt?.toISOString() ?? null,
  };
}
