import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import { CONFIG, type Config } from '../config.js';
import { Rejected, Unavailable } from '../model/failure.js';
import { SCOPES, type Scope } from '../model/scope.js';
import { TroubleLog } from '../trouble-log.js';
import { KeyStore, type ApiKey } from '../store/key.store.js';
import { DEFAULT_TENANT_ID, TenantStore } from '../store/tenant.store.js';
import { bearerKey, formatKey, keyPrefix, KEY_RANDOM_BYTES } from './key.js';
import { isLoopbackHostHeader, isLoopbackOrigin } from './loopback.js';

/** Who makes a request. */
export interface Caller {
  tenantId: number;
  scopes: ReadonlySet<Scope>;
}

/** Headers that tell a program on this machine from a web page that a browser on this machine shows. */
export interface RequestOrigin {
  host?: string | undefined;
  origin?: string | undefined;
  /** Name of the tenant a request without a key is for; a key names its tenant itself, and then this counts for nothing. */
  'x-tracehound-tenant'?: string | string[] | undefined;
}

type StoredKey = ApiKey & { hash: Buffer };

/** A change of keys by another process is seen within this time. */
const CACHE_MS = 5_000;
const MAX_CACHED = 1_000;

const ALL_SCOPES: ReadonlySet<Scope> = new Set(SCOPES);

/** Decides who a request comes from. */
@Injectable()
export class AccessService {
  private readonly log = new TroubleLog(AccessService.name);
  private readonly cached = new Map<string, { key: Promise<StoredKey | null>; untilMs: number }>();
  private readonly tenantIds = new Map<string, { id: number; untilMs: number }>();
  private readonly adminHash: Buffer | null;
  private keyed: { answer: Promise<boolean>; untilMs: number } | undefined;

  constructor(
    private readonly keys: KeyStore,
    private readonly tenants: TenantStore,
    @Inject(CONFIG) private readonly config: Pick<Config, 'adminKey' | 'listen' | 'allowUnauthenticated'>,
  ) {
    this.adminHash = config.adminKey === undefined ? null : sha256(config.adminKey);
  }

  /**
   * The caller behind an `Authorization` header. Without any key in the database or TRACEHOUND_ADMIN_KEY, a request without the header is
   * that of the tenant in `X-Tracehound-Tenant`, else the default tenant's, with all scopes. Throws Rejected 401 (no key, or none that is valid) or 403 (a web page of another site), or
   * Unavailable when the keys cannot be read.
   */
  async authenticate(authorization: string | undefined, from: RequestOrigin): Promise<Caller> {
    if (authorization === undefined) return this.withoutKey(from);
    const key = bearerKey(authorization);
    const prefix = key === null ? null : keyPrefix(key);
    if (key === null || prefix === null) {
      throw new Rejected('bad_key', 'Authorization must be "Bearer th_<prefix>_<secret>"', 401);
    }
    const hash = sha256(key);
    if (this.adminHash !== null && timingSafeEqual(hash, this.adminHash)) {
      return { tenantId: DEFAULT_TENANT_ID, scopes: ALL_SCOPES };
    }
    const stored = await this.find(prefix);
    if (stored === null || !timingSafeEqual(hash, stored.hash)) {
      throw new Rejected('bad_key', 'the API key is not known', 401);
    }
    if (stored.revokedAt !== null) throw new Rejected('revoked_key', `the API key ${prefix} was revoked`, 401);
    if (stored.expiresAt !== null && stored.expiresAt.getTime() <= Date.now()) {
      throw new Rejected('expired_key', `the API key ${prefix} expired at ${stored.expiresAt.toISOString()}`, 401);
    }
    return { tenantId: stored.tenantId, scopes: new Set(stored.scopes) };
  }

  /** Whether requests need a key now. */
  async needsKey(): Promise<boolean> {
    if (this.adminHash !== null) return true;
    const nowMs = Date.now();
    if (this.keyed === undefined || this.keyed.untilMs <= nowMs) {
      this.keyed = { answer: this.read(() => this.keys.hasAny()), untilMs: nowMs + CACHE_MS };
      this.keyed.answer.catch(() => (this.keyed = undefined));
    }
    return this.keyed.answer;
  }

  /** Makes a key; `key` is told this once. The first one must be able to make others, for from then on a key is needed. */
  async create(wanted: {
    tenantId: number;
    name: string;
    scopes: readonly Scope[];
    expiresAt: Date | null;
  }): Promise<ApiKey & { key: string }> {
    const isFirst = !(await this.needsKey());
    if (isFirst && (wanted.tenantId !== DEFAULT_TENANT_ID || !wanted.scopes.includes('admin'))) {
      throw new Rejected(
        'first_key',
        'the first key must be of tenant default and have scope admin: as soon as there is one, every request needs a key',
        422,
        'scopes',
      );
    }
    const { key, prefix } = formatKey(randomBytes(KEY_RANDOM_BYTES));
    const made = await this.keys.create({ ...wanted, prefix, hash: sha256(key) });
    this.forget();
    return { ...made, key };
  }

  /** Ends a key of the tenant at once in this process, within five seconds in others. Throws Rejected 404. */
  async revoke(tenantId: number, id: string): Promise<void> {
    const revoked = await this.keys.revoke(tenantId, id);
    this.forget();
    if (!revoked) throw new Rejected('not_found', `there is no API key ${id} to revoke`, 404);
  }

  private async withoutKey(from: RequestOrigin): Promise<Caller> {
    const mayBeOpen = this.config.listen.loopbackOnly || this.config.allowUnauthenticated;
    if (!mayBeOpen || (await this.needsKey())) {
      throw new Rejected('no_key', 'this needs an API key: send the header "Authorization: Bearer <key>"', 401);
    }
    if (this.config.listen.loopbackOnly) refuseOtherSites(from);
    return { tenantId: await this.tenantNamed(from['x-tracehound-tenant']), scopes: ALL_SCOPES };
  }

  private async tenantNamed(name: string | string[] | undefined): Promise<number> {
    if (name === undefined) return DEFAULT_TENANT_ID;
    const nowMs = Date.now();
    let known = this.tenantIds.get(String(name));
    if (known === undefined || known.untilMs <= nowMs) {
      const tenant = await this.read(() => this.tenants.findByName(String(name)));
      if (tenant === null) throw new Rejected('no_tenant', 'X-Tracehound-Tenant names no tenant', 403);
      if (this.tenantIds.size >= MAX_CACHED) this.tenantIds.clear();
      known = { id: tenant.id, untilMs: nowMs + CACHE_MS };
      this.tenantIds.set(tenant.name, known);
    }
    return known.id;
  }

  private find(prefix: string): Promise<StoredKey | null> {
    const nowMs = Date.now();
    const known = this.cached.get(prefix);
    if (known !== undefined && known.untilMs > nowMs) return known.key;
    if (this.cached.size >= MAX_CACHED) this.cached.clear();
    const key = this.read(() => this.keys.findByPrefix(prefix));
    this.cached.set(prefix, { key, untilMs: nowMs + CACHE_MS });
    key.then(
      (found) => found && this.keys.touch(found.id).catch((error: Error) => this.log.say('last use not noted', error)),
      () => this.cached.delete(prefix),
    );
    return key;
  }

  private async read<T>(look: () => Promise<T>): Promise<T> {
    try {
      return await look();
    } catch (error) {
      this.log.say('could not read the API keys', error as Error);
      throw new Unavailable('the API key cannot be checked now, for the database does not answer', 5, { cause: error });
    }
  }

  private forget(): void {
    this.cached.clear();
    this.keyed = undefined;
  }
}

/** A page of another site can make a browser on this machine send requests here, even under a name that points to loopback. */
function refuseOtherSites({ host, origin }: RequestOrigin): void {
  if (!isLoopbackHostHeader(host)) {
    throw new Rejected(
      'foreign_host',
      'without API keys only requests to localhost are answered; create a key to use another host name',
      403,
    );
  }
  if (origin !== undefined && !isLoopbackOrigin(origin)) {
    throw new Rejected('foreign_origin', 'without API keys no other web site may send requests here', 403);
  }
}

function sha256(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
