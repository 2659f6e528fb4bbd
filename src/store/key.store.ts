import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import type { Scope } from '../model/scope.js';

export interface ApiKey {
  id: string;
  tenantId: number;
  name: string;
  /** The public part. */
  prefix: string;
  scopes: Scope[];
  createdAt: Date;
  expiresAt: Date | null;
  revokedAt: Date | null;
  /** To the minute. */
  lastUsedAt: Date | null;
}

export interface NewKey {
  tenantId: number;
  name: string;
  prefix: string;
  /** SHA-256 of the whole key. */
  hash: Buffer;
  scopes: readonly Scope[];
  expiresAt: Date | null;
}

interface Row {
  id: string;
  tenant_id: number;
  name: string;
  token_prefix: string;
  token_hash: Buffer;
  scopes: Scope[];
  created_at: Date;
  expires_at: Date | null;
  revoked_at: Date | null;
  last_used_at: Date | null;
}

/** API keys. Rows are never deleted: a revoked key stays recognisable. */
@Injectable()
export class KeyStore {
  constructor(private readonly db: DataSource) {}

  /** Whether any key was ever made, valid or not. */
  async hasAny(): Promise<boolean> {
    const [row]: [{ found: boolean }] = await this.db.query(`select exists (select from api_keys) as found`);
    return row.found;
  }

  /** All keys of a tenant, oldest first. */
  async list(tenantId: number): Promise<ApiKey[]> {
    const rows: Row[] = await this.db.query(`select * from api_keys where tenant_id = $1 order by id`, [tenantId]);
    return rows.map(toKey);
  }

  async findByPrefix(prefix: string): Promise<(ApiKey & { hash: Buffer }) | null> {
    const [row]: Row[] = await this.db.query(`select * from api_keys where token_prefix = $1`, [prefix]);
    return row ? { ...toKey(row), hash: row.token_hash } : null;
  }

  async create({ tenantId, name, prefix, hash, scopes, expiresAt }: NewKey): Promise<ApiKey> {
    const [row]: [Row] = await this.db.query(
      `insert into api_keys (tenant_id, name, token_prefix, token_hash, scopes, expires_at)
       values ($1, $2, $3, $4, $5, $6) returning *`,
      [tenantId, name, prefix, hash, scopes, expiresAt],
    );
    return toKey(row);
  }

  /** Ends a key for good; false when the tenant has no such key that is not revoked. */
  async revoke(tenantId: number, id: string): Promise<boolean> {
    const [, revoked]: [unknown[], number] = await this.db.query(
      `update api_keys set revoked_at = now() where tenant_id = $1 and id = $2 and revoked_at is null`,
      [tenantId, id],
    );
    return revoked === 1;
  }

  /** Notes that the key was used, once a minute at most. */
  async touch(id: string): Promise<void> {
    await this.db.query(
      `update api_keys set last_used_at = now()
        where id = $1 and (last_used_at is null or last_used_at < now() - interval '1 minute')`,
      [id],
    );
  }
}

function toKey(row: Row): ApiKey {
  return {
    id: row.id,
    tenantId: row.tenant_id,
    name: row.name,
    prefix: row.token_prefix,
    scopes: row.scopes,
    createdAt: row.created_at,
    expiresAt: row.expires_at,
    revokedAt: row.revoked_at,
    lastUsedAt: row.last_used_at,
  };
}
