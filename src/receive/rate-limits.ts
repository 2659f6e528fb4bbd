import { Inject, Injectable } from '@nestjs/common';
import { CONFIG, type Config } from '../config.js';
import { Unavailable } from '../model/failure.js';
import { TenantSettingsStore } from '../store/tenant-settings.store.js';
import { TokenBucket } from './token-bucket.js';

const MAX_RETRY_AFTER_S = 60;

interface Buckets {
  spans: TokenBucket;
  bytes: TokenBucket;
}

/** Whoever says how much a tenant may send. */
export interface Rates {
  /** Throws Unavailable 429 while the tenant has sent more than it may. Asked before a request is unpacked, so that a refusal costs little. */
  admit(tenantId: number): Promise<void>;
  /** Notes what an admitted request turned out to hold: uncompressed bytes, and spans. */
  spend(tenantId: number, spans: number, bytes: number): void;
}

/** How much each tenant may send, in this process. */
@Injectable()
export class RateLimits implements Rates {
  private readonly tenants = new Map<number, Buckets>();

  constructor(
    private readonly settings: TenantSettingsStore,
    @Inject(CONFIG) private readonly config: Config,
  ) {}

  async admit(tenantId: number): Promise<void> {
    const { maxSpansPerSecond, maxBytesPerSecond, burstS } = this.config.ingest;
    const { spansPerSecond, bytesPerSecond } = await this.settings.current(tenantId);
    const spans = spansPerSecond ?? maxSpansPerSecond;
    const bytes = bytesPerSecond ?? maxBytesPerSecond;
    const nowMs = Date.now();
    let buckets = this.tenants.get(tenantId);
    if (buckets === undefined) {
      buckets = { spans: new TokenBucket(spans, burstS, nowMs), bytes: new TokenBucket(bytes, burstS, nowMs) };
      this.tenants.set(tenantId, buckets);
    }
    refuse(buckets.spans.waitMs(spans, burstS, nowMs), 'rate_spans', `${spans} spans`);
    refuse(buckets.bytes.waitMs(bytes, burstS, nowMs), 'rate_bytes', `${bytes} bytes`);
  }

  spend(tenantId: number, spans: number, bytes: number): void {
    const buckets = this.tenants.get(tenantId);
    buckets?.spans.spend(spans);
    buckets?.bytes.spend(bytes);
  }
}

function refuse(waitMs: number, code: string, limit: string): void {
  if (waitMs === 0) return;
  const retryAfterS = Math.min(Math.ceil(waitMs / 1_000), MAX_RETRY_AFTER_S);
  throw new Unavailable(`this tenant may send ${limit} a second, and has sent more`, retryAfterS, {
    status: 429,
    code,
  });
}
