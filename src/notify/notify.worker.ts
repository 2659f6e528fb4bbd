import { Inject, Injectable, type OnModuleDestroy } from '@nestjs/common';
import { setTimeout as sleep } from 'node:timers/promises';
import { CONFIG, type Config } from '../config.js';
import { Rejected } from '../model/failure.js';
import { ChannelStore } from '../store/channel.store.js';
import { NotificationStore, type AttemptResult, type ClaimedNotification } from '../store/notification.store.js';
import type { Outcome } from './channel.js';
import { composeMessage } from './message.js';
import { retryInS } from './schedule.js';
import { Senders } from './senders.js';

const MAX_IN_FLIGHT = 32;
/** While sends are under way, how often to look for others that have become due. */
const LOOK_AGAIN_MS = 250;

/** Job `notify`: sends what is due, many channels at once, and writes down what became of it. */
@Injectable()
export class NotifyWorker implements OnModuleDestroy {
  private stopping = false;

  constructor(
    private readonly notifications: NotificationStore,
    private readonly channels: ChannelStore,
    private readonly senders: Senders,
    @Inject(CONFIG) private readonly config: Pick<Config, 'publicUrl'>,
  ) {}

  onModuleDestroy(): void {
    this.stopping = true;
  }

  /** Ends when nothing of the tenant is due and nothing is in flight. */
  async run(tenantId: number): Promise<void> {
    const inFlight = new Set<Promise<void>>();
    const errors: unknown[] = [];
    for (;;) {
      const free = this.stopping ? 0 : MAX_IN_FLIGHT - inFlight.size;
      const claimed = free > 0 ? await this.notifications.claim(tenantId, free) : [];
      for (const each of claimed) {
        const sending: Promise<void> = this.deliver(each)
          .catch((error: unknown) => void errors.push(error))
          .finally(() => inFlight.delete(sending));
        inFlight.add(sending);
      }
      if (inFlight.size === 0) break;
      await Promise.race([...inFlight, sleep(LOOK_AGAIN_MS)]);
    }
    if (errors.length > 0) throw errors[0];
  }

  /** One attempt. A crash before it is recorded ends the lease, and the same id is sent again: at least once. */
  private async deliver(claimed: ClaimedNotification): Promise<void> {
    const startedMs = performance.now();
    let outcome: Outcome;
    let fault: { error: unknown } | null = null;
    try {
      outcome = await this.attempt(claimed);
      if (outcome.kind === 'gone') await this.channels.disable(claimed.tenantId, claimed.channelId, outcome.reason);
    } catch (error) {
      // One message that trips us must neither be lost nor hold up the others.
      fault = { error };
      outcome = { kind: 'retry', status: null, reason: 'an error in Tracehound; its log says more' };
    }
    await this.notifications.record(claimed, toResult(claimed, outcome, Math.round(performance.now() - startedMs)));
    if (fault !== null) throw fault.error;
  }

  private async attempt(claimed: ClaimedNotification): Promise<Outcome> {
    try {
      const { enabled, disabledReason } = await this.channels.get(claimed.tenantId, claimed.channelId);
      if (!enabled) {
        const reason =
          disabledReason === null ? 'the channel is disabled' : `the channel is disabled: ${disabledReason}`;
        return { kind: 'failed', status: null, reason };
      }
      const channel = await this.channels.open(claimed.tenantId, claimed.channelId, Date.now());
      return await this.senders.send(composeMessage(claimed.id, claimed.notice, this.config.publicUrl), channel);
    } catch (error) {
      if (!(error instanceof Rejected)) throw error;
      // The operator may bring an old key back; a channel that was deleted stays away.
      return { kind: error.status === 404 ? 'failed' : 'retry', status: null, reason: error.message };
    }
  }
}

function toResult(claimed: ClaimedNotification, outcome: Outcome, tookMs: number): AttemptResult {
  if (outcome.kind === 'sent') {
    return { outcome: 'sent', status: outcome.status, reason: 'sent', tookMs, retryInS: null };
  }
  const { status, reason } = outcome;
  if (outcome.kind !== 'retry') return { outcome: 'failed', status, reason, tookMs, retryInS: null };
  const waitS = retryInS(claimed.id, claimed.attempt, outcome.retryAfterS);
  if (waitS !== null) return { outcome: 'retry', status, reason, tookMs, retryInS: waitS };
  const last = `given up after ${claimed.attempt} attempts: ${reason}`;
  return { outcome: 'failed', status, reason: last, tookMs, retryInS: null };
}
