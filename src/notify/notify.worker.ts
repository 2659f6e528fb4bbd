import { Inject, Injectable, Logger, type OnModuleDestroy } from '@nestjs/common';
import { setTimeout as sleep } from 'node:timers/promises';
import { CONFIG, type Config } from '../config.js';
import type { Channel } from '../model/channel.js';
import { Rejected } from '../model/failure.js';
import { ChannelHealthStore, type FailingChannel } from '../store/channel-health.store.js';
import { ChannelStore } from '../store/channel.store.js';
import { ChannelThreadStore, type DueResend } from '../store/channel-thread.store.js';
import { DigestStore } from '../store/digest.store.js';
import {
  NotificationStore,
  RENEW_LEASE_MS,
  type AttemptResult,
  type ClaimedNotification,
} from '../store/notification.store.js';
import type { Outcome } from './channel.js';
import { digestNotice, MAX_AGE_S, openForS, RATE_WINDOW_S, RATES, REPORT_AFTER_S } from './limits.js';
import { composeMessage, type Message } from './message.js';
import { failingNotice } from './failing.js';
import { RESEND_FIRING_FOR_S, RESEND_RESOLVED_FOR_S, RESEND_S } from './resend.js';
import { retryInS } from './schedule.js';
import { Senders } from './senders.js';
import { Surroundings } from './surroundings.js';

const MAX_IN_FLIGHT = 32;
/** While sends are under way, how often to look for others that have become due. */
const LOOK_AGAIN_MS = 250;

/** Job `notify`: sends what is due, many channels at once, and writes down what became of it. */
@Injectable()
export class NotifyWorker implements OnModuleDestroy {
  private readonly log = new Logger('notify');
  private stopping = false;

  constructor(
    private readonly notifications: NotificationStore,
    private readonly channels: ChannelStore,
    private readonly health: ChannelHealthStore,
    private readonly threads: ChannelThreadStore,
    private readonly digests: DigestStore,
    private readonly senders: Senders,
    private readonly surroundings: Surroundings,
    @Inject(CONFIG) private readonly config: Pick<Config, 'publicUrl'>,
  ) {}

  onModuleDestroy(): void {
    this.stopping = true;
  }

  /** Ends when nothing of the tenant is due and nothing is in flight. */
  async run(tenantId: number): Promise<void> {
    const inFlight = new Set<Promise<void>>();
    const errors: unknown[] = [];
    const start = (work: Promise<void>) => {
      const running: Promise<void> = work
        .catch((error: unknown) => void errors.push(error))
        .finally(() => inFlight.delete(running));
      inFlight.add(running);
    };
    const expired = await this.notifications.expire(tenantId, MAX_AGE_S);
    if (expired > 0) this.log.warn(`tenant ${tenantId}: gave up messages that had waited too long, ${expired} in all`);
    for (const each of await this.threads.takeResends(tenantId, RESEND_S, MAX_IN_FLIGHT)) start(this.resend(each));
    for (;;) {
      const free = this.stopping ? 0 : MAX_IN_FLIGHT - inFlight.size;
      const claimed = free > 0 ? await this.notifications.claim(tenantId, free) : [];
      for (const each of claimed) start(this.holding(each, () => this.deliver(each)));
      if (inFlight.size === 0) break;
      await Promise.race([...inFlight, sleep(LOOK_AGAIN_MS)]);
    }
    if (errors.length > 0) throw errors[0];
  }

  /** Does what takes as long as it takes; nobody else takes the message meanwhile. */
  private async holding(claimed: ClaimedNotification, work: () => Promise<void>): Promise<void> {
    const renewing = setInterval(() => {
      const failed = (error: unknown) => this.log.warn(`could not keep message ${claimed.id}: ${String(error)}`);
      this.notifications.renew(claimed).catch(failed);
    }, RENEW_LEASE_MS);
    try {
      await work();
    } finally {
      clearInterval(renewing);
    }
  }

  /** One attempt. A crash before it is recorded ends the lease, and the same id is sent again: at least once. */
  private async deliver(claimed: ClaimedNotification): Promise<void> {
    const startedMs = performance.now();
    let attempted: { outcome: Outcome; wasTried: boolean } | null;
    let fault: { error: unknown } | null = null;
    try {
      attempted = await this.attempt(claimed);
      if (attempted === null) return;
      const { outcome } = attempted;
      if (outcome.kind === 'gone') await this.channels.disable(claimed.tenantId, claimed.channelId, outcome.reason);
    } catch (error) {
      // One message that trips us must neither be lost nor hold up the others.
      fault = { error };
      const reason = 'an error in Tracehound; its log says more';
      attempted = { outcome: { kind: 'retry', status: null, reason }, wasTried: false };
    }
    const { outcome, wasTried } = attempted;
    await this.notifications.record(claimed, toResult(claimed, outcome, Math.round(performance.now() - startedMs)));
    if (wasTried) await this.noteHealth(claimed, outcome);
    if (fault !== null) throw fault.error;
  }

  /** Null: it was not sent now, since the channel has had its share; it waits, or stands in a digest. */
  private async attempt(claimed: ClaimedNotification): Promise<{ outcome: Outcome; wasTried: boolean } | null> {
    const { tenantId, channelId } = claimed;
    const untried = (kind: 'retry' | 'failed', reason: string) => ({
      outcome: { kind, status: null, reason },
      wasTried: false,
    });
    let channel: Channel;
    try {
      const { enabled, disabledReason } = await this.channels.get(tenantId, channelId);
      if (!enabled) {
        return untried('failed', `the channel is disabled${disabledReason === null ? '' : `: ${disabledReason}`}`);
      }
      channel = await this.channels.open(tenantId, channelId, Date.now());
    } catch (error) {
      if (!(error instanceof Rejected)) throw error;
      // The operator may bring an old key back; a channel that was deleted stays away.
      return untried(error.status === 404 ? 'failed' : 'retry', error.message);
    }
    if (await this.isHeldBack(claimed, channel)) return null;
    return { outcome: await this.send(claimed, channel), wasTried: true };
  }

  private async send(claimed: ClaimedNotification, channel: Channel): Promise<Outcome> {
    const { id, tenantId, channelId, overSince } = claimed;
    const notice = await this.surroundings.around(claimed, channel.type);
    const message = composeMessage(id, notice, this.config.publicUrl, overSince);
    const thread = await this.threads.thread(tenantId, channelId, message.groupKey);
    const outcome = await this.senders.send(message, channel, thread);
    if (outcome.kind === 'sent' && message.status !== 'info') await this.remember(claimed, channel, message, outcome);
    return outcome;
  }

  /** Before the attempt is recorded, since the next message of the group may go out right after. */
  private async remember(
    { id, tenantId, channelId, notice }: ClaimedNotification,
    channel: Channel,
    { groupKey, status }: Message,
    { thread }: Extract<Outcome, { kind: 'sent' }>,
  ): Promise<void> {
    try {
      if (thread) await this.threads.setThread(tenantId, channelId, groupKey, thread);
      if (channel.type !== 'alertmanager') return;
      const forS = status === 'firing' ? RESEND_FIRING_FOR_S : RESEND_RESOLVED_FOR_S;
      await this.threads.resend({ tenantId, channelId, groupKey, notificationId: id, notice }, RESEND_S, forS);
    } catch (error) {
      // It was sent: that it is not remembered is no reason to send it twice.
      this.log.error(`could not remember message ${id}: ${String(error)}`);
    }
  }

  /** Whether the channel's rate is used up. What may be read together is folded into a digest, all else waits. */
  private async isHeldBack(claimed: ClaimedNotification, channel: Channel): Promise<boolean> {
    const { perMinute, beyond } = RATES[channel.type];
    const { sent, freeInS } = await this.digests.sentWithin(channel.id, RATE_WINDOW_S);
    if (sent < perMinute) return false;
    const write = (notices: Parameters<typeof digestNotice>[0], total: number) =>
      digestNotice(notices, total, perMinute);
    const folded =
      beyond === 'digest' && claimed.notice.type !== 'alert.digest'
        ? await this.digests.fold(claimed, freeInS, write)
        : 0;
    if (folded === 0) await this.notifications.release(claimed);
    await this.health.pause(channel.tenantId, channel.id, freeInS);
    return true;
  }

  private async noteHealth(claimed: ClaimedNotification, outcome: Outcome): Promise<void> {
    const { tenantId, channelId, id } = claimed;
    const attempt = claimed.attempt - claimed.earlierAttempts;
    if (outcome.kind === 'sent') {
      await this.health.note(tenantId, channelId, { kind: 'well', error: '', openForS: null, waitForS: null });
      return;
    }
    const { status, reason } = outcome;
    const isTrouble = outcome.kind === 'retry' && (status === null || status >= 500 || status === 408);
    const { failuresInRow } = await this.health.of(tenantId, channelId);
    await this.health.note(tenantId, channelId, {
      kind: isTrouble ? 'trouble' : 'refused',
      error: reason,
      openForS: isTrouble ? openForS(failuresInRow + 1) : null,
      // Who asks for time means the endpoint, not this one message.
      waitForS: status === 429 && outcome.kind === 'retry' ? retryInS(id, attempt, outcome.retryAfterS) : null,
    });
    const afterS = outcome.kind === 'gone' ? 0 : REPORT_AFTER_S;
    const told = await this.health.report(tenantId, channelId, afterS, (failing: FailingChannel) =>
      failingNotice(failing, new Date()),
    );
    if (told === 'nobody') this.log.error(`channel ${channelId} fails, and there is no other to report it: ${reason}`);
  }

  /** Says again what a channel would forget. Its next time comes anyway, so nothing is written down. */
  private async resend({ tenantId, channelId, notificationId, notice }: DueResend): Promise<void> {
    try {
      const channel = await this.channels.open(tenantId, channelId, Date.now());
      if (channel.enabled) {
        await this.senders.send(composeMessage(notificationId, notice, this.config.publicUrl), channel, null);
      }
    } catch (error) {
      if (!(error instanceof Rejected)) throw error;
    }
  }
}

function toResult(claimed: ClaimedNotification, outcome: Outcome, tookMs: number): AttemptResult {
  if (outcome.kind === 'sent') {
    return { outcome: 'sent', status: outcome.status, reason: outcome.note ?? 'sent', tookMs, retryInS: null };
  }
  const { status, reason } = outcome;
  if (outcome.kind !== 'retry') return { outcome: 'failed', status, reason, tookMs, retryInS: null };
  const attempt = claimed.attempt - claimed.earlierAttempts;
  const waitS = retryInS(claimed.id, attempt, outcome.retryAfterS);
  if (waitS !== null) return { outcome: 'retry', status, reason, tookMs, retryInS: waitS };
  const last = `given up after ${attempt} attempts: ${reason}`;
  return { outcome: 'failed', status, reason: last, tookMs, retryInS: null };
}
