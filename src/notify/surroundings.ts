import { Injectable, Logger } from '@nestjs/common';
import { ActionLinks } from '../access/action-links.js';
import { ReadLinks } from '../access/read-links.js';
import type { LinkAction } from '../model/action-link.js';
import type { ChannelType } from '../model/channel.js';
import { exemplarsOf, silenceMatchers, type Notice, type NoticeChart, type NoticeLinks } from '../model/notice.js';
import { ChartStore } from '../store/chart.store.js';
import { MessageContextStore } from '../store/message-context.store.js';
import type { ClaimedNotification } from '../store/notification.store.js';
import { chartOf, chartSubject } from './chart.js';

/** Receivers that take a picture with a message. */
const PICTURED: ReadonlySet<ChannelType> = new Set(['slack_bot', 'discord', 'email']);

type Due = Pick<ClaimedNotification, 'id' | 'tenantId' | 'notice' | 'overSince'>;

/** What a message says beside what was decided: versions at work, who calls, a picture, links. */
@Injectable()
export class Surroundings {
  private readonly log = new Logger('notify');

  constructor(
    private readonly charts: ChartStore,
    private readonly context: MessageContextStore,
    private readonly links: ActionLinks,
    private readonly reading: ReadLinks,
  ) {}

  /** The notice with all that a channel of that type can show. */
  async around(due: Due, type: ChannelType): Promise<Notice> {
    const { tenantId, notice } = due;
    const chart = PICTURED.has(type) ? await this.chartOf(tenantId, notice) : null;
    const context = await this.contextOf(tenantId, notice);
    return { ...notice, ...context, links: await this.linksOf(due), ...(chart && { chart }) };
  }

  /** A message that does not say it is still a message: trouble means that it says less. */
  private async contextOf(tenantId: number, notice: Notice): Promise<Pick<Notice, 'versions' | 'callers'>> {
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
  private async chartOf(tenantId: number, notice: Notice): Promise<NoticeChart | null> {
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
  private async linksOf({ id, tenantId, notice, overSince }: Due): Promise<NoticeLinks> {
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
}
