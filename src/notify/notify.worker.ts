import { Inject, Injectable, Logger, type OnModuleDestroy } from '@nestjs/common';
import { setTimeout as sleep } from 'node:timers/promises';
import { ActionLinks } from '../access/action-links.js';
import { ReadLinks } from '../access/read-links.js';
import { CONFIG, type Config } from '../config.js';
import type { LinkAction } from '../model/action-link.js';
import type { Channel, ChannelType } from '../model/channel.js';
import { Rejected } from '../model/failure.js';
import { exemplarsOf, silenceMatchers, type Notice, type NoticeChart, type NoticeLinks } from '../model/notice.js';
import { ChannelHealthStore, type FailingChannel } from '../store/channel-health.store.js';
import { ChannelStore } from '../store/channel.store.js';
import { ChartStore } from '../store/chart.store.js';
import { ChannelThreadStore, type DueResend } from '../store/channel-thread.store.js';
import { DigestStore } from '../store/digest.store.js';
import { MessageContextStore } from '../store/message-context.store.js';
import {
  NotificationStore,
  RENEW_LEASE_MS,
  type AttemptResult,
  type ClaimedNotification,
} from '../store/notification.store.js';
import type { Outcome } from './channel.js';
import { chartOf, chartSubject } from './chart.js';
import { digestNotice, MAX_AGE_S, openForS, RATE_WINDOW_S, RATES, REPORT_AFTER_S } from './limits.js';
import { composeMessage, type Message } from './message.js';
import { failingNotice } from './failing.js';
import { RESEND_FIRING_FOR_S, RESEND_RESOLVED_FOR_S, RESEND_S } from './resend.js';
import { retryInS } from './schedule.js';
import { Senders } from './senders.js';

const MAX_IN_FLIGHT = 32;
/** Receivers that take a picture with a message. */
const PICTURED: ReadonlySet<ChannelType> = new Set(['slack_bot', 'discord', 'email']);
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
    private readonly charts: ChartStore,
    private readonly context: MessageContextStore,
    private readonly links: ActionLinks,
    private readonly reading: ReadLinks,
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
    const chart = PICTURED.has(channel.type) ? await this.chartOf(claimed) : null;
    const around = await this.contextOf(claimed);
    const notice = { ...claimed.notice, ...around, links: await this.linksOf(claimed), ...(chart && { chart }) };
    const message = composeMessage(id, notice, this.config.publicUrl, overSince);
    const thread = await this.threads.thread(tenantId, channelId, message.groupKey);
    const outcome = await this.senders.send(message, channel, thread);
    if (outcome.kind === 'sent' && message.status !== 'info') await this.remember(claimed, channel, message, outcome);
    return outcome;
  }

  /** A message that does not say it is still a message: trouble means that it says less. */
  private async contextOf({ tenantId, notice }: ClaimedNotification): Promise<Pick<Notice, 'versions' | 'callers'>> {
    const { incident, alerts = [], timestamp } = notice;
    const first = alerts[0]?.labels;
    const named = incident?.causes[0]?.service ?? first?.['service'];
    if (named === undefined) return {};
    try {
      const services = [...new Set([named, ...(incident?.affected.slice(0, 2).map(({ service }) => service) ?? [])])];
      const atMs = Date.parse(timestamp);
      const versions = await this.context.versions(tenantId, services, atMs);
      const operation = incident === null ? first?.['operation'] : undefined;
      if (operation === undefined) return { versions };
      return { versions, callers: await this.context.callers(tenantId, { service: named, operation }, atMs) };
    } catch (error) {
      this.log.warn(`a message says less than it could: ${String(error)}`);
      return {};
    }
  }

  /** A message without its picture is still a message: trouble means null. */
  private async chartOf({ tenantId, notice }: ClaimedNotification): Promise<NoticeChart | null> {
    try {
      const ruleId = notice.incident === null ? (notice.alerts?.[0]?.ruleId ?? null) : null;
      const rule = ruleId === null ? null : await this.charts.rule(tenantId, ruleId);
      const subject = chartSubject(notice, rule);
      return subject && chartOf(subject, await this.charts.steps(tenantId, subject, subject));
    } catch (error) {
      this.log.warn(`no picture for a message: ${String(error)}`);
      return null;
    }
  }

  /** What is over needs nothing done, but one can say what it was worth. */
  private async linksOf({ id, tenantId, notice, overSince }: ClaimedNotification): Promise<NoticeLinks> {
    const { group, incident, alerts = [] } = notice;
    const reading = await this.readingLinks(tenantId, notice);
    if (group === undefined) return { ...reading, acknowledge: null, silence: null, feedback: null };
    const about = { tenantId, notificationId: id, groupId: group.key, incidentId: incident?.id ?? null };
    const nowMs = Date.now();
    const link = (action: LinkAction, isWanted: boolean) =>
      isWanted ? this.links.url(action, about, nowMs) : Promise.resolve(null);
    const fires = overSince === null && alerts.some(({ status }) => status === 'firing');
    return {
      ...reading,
      acknowledge: await link('acknowledge', fires),
      silence: await link('silence', fires && silenceMatchers(notice).length > 0),
      feedback: await link(
        'feedback',
        alerts.some(({ id: alertId, ruleId }) => alertId !== undefined && ruleId !== null),
      ),
    };
  }

  private async readingLinks(
    tenantId: number,
    notice: Notice,
  ): Promise<Pick<NoticeLinks, 'incident' | 'alert' | 'traces'>> {
    const nowMs = Date.now();
    const { incident, alerts = [] } = notice;
    const alertId = incident === null ? alerts[0]?.id : undefined;
    const traces = await Promise.all(
      exemplarsOf(notice).map((id) => this.reading.url({ tenantId, kind: 'trace', id }, nowMs)),
    );
    return {
      incident: incident && (await this.reading.url({ tenantId, kind: 'incident', id: incident.id }, nowMs)),
      alert: alertId === undefined ? null : await this.reading.url({ tenantId, kind: 'alert', id: alertId }, nowMs),
      traces: traces.filter((url) => url !== null),
    };
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
