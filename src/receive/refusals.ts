import { Injectable } from '@nestjs/common';
import { Rejected, Unavailable } from '../model/failure.js';
import { TenantSettingsStore } from '../store/tenant-settings.store.js';
import { TroubleLog } from '../trouble-log.js';
import { GrpcFailure } from './grpc-status.js';
import { RPC } from './rpc-status.js';

const FLUSH_MS = 1_000;

/** Counts requests that were refused as a whole, by tenant and reason; written once a second. What a killed process had not written is not counted. */
@Injectable()
export class Refusals {
  private readonly log = new TroubleLog(Refusals.name);
  private counts = new Map<number, Map<string, number>>();
  private timer: NodeJS.Timeout | null = null;
  private isStopped = false;

  constructor(private readonly store: TenantSettingsStore) {}

  count(tenantId: number, error: unknown): void {
    let reasons = this.counts.get(tenantId);
    if (reasons === undefined) this.counts.set(tenantId, (reasons = new Map()));
    const reason = reasonOf(error);
    reasons.set(reason, (reasons.get(reason) ?? 0) + 1);
    if (!this.isStopped) this.timer ??= setTimeout(() => void this.flush(), FLUSH_MS);
  }

  /** Writes what was counted; what cannot be written is kept for the next time. */
  async flush(): Promise<void> {
    if (this.timer !== null) clearTimeout(this.timer);
    this.timer = null;
    const counts = [...this.counts].flatMap(([tenantId, reasons]) =>
      [...reasons].map(([reason, n]) => ({ tenantId, reason, n })),
    );
    if (counts.length === 0) return;
    this.counts = new Map();
    try {
      await this.store.addRefused(counts);
    } catch (error) {
      this.log.say('could not write counts of refused requests, will try again', error as Error);
      for (const { tenantId, reason, n } of counts) {
        const reasons = this.counts.get(tenantId) ?? new Map<string, number>();
        this.counts.set(tenantId, reasons.set(reason, (reasons.get(reason) ?? 0) + n));
      }
      if (!this.isStopped) this.timer ??= setTimeout(() => void this.flush(), FLUSH_MS);
    }
  }

  /** For the end of the process, once nothing is received any more. */
  async stop(): Promise<void> {
    this.isStopped = true;
    await this.flush();
  }
}

function reasonOf(error: unknown): string {
  if (error instanceof Rejected || error instanceof Unavailable) return error.code;
  if (error instanceof GrpcFailure) return error.code === RPC.RESOURCE_EXHAUSTED ? 'too_large' : 'bad_call';
  return 'failed';
}
