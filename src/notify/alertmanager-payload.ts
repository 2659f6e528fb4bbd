import { displayText } from '../model/display.js';
import type { NoticeAlert } from '../model/notice.js';
import type { Message } from './message.js';

/** How long a firing alert lives in Alertmanager without being sent again: four times as long as until the next sending, as Prometheus has it. */
export const RESEND_MS = 60_000;
const LIFE_MS = 4 * RESEND_MS;
const MAX_LABELS = 40;
const MAX_VALUE = 500;

/** An alert as `POST /api/v2/alerts` takes it. */
export interface PostableAlert {
  labels: Record<string, string>;
  annotations: Record<string, string>;
  startsAt: string;
  endsAt: string;
  generatorURL: string;
}

/** What stands in the webhook for an alert that has not ended. */
const NEVER = '0001-01-01T00:00:00Z';

/** The alerts of the message for Alertmanager, as of now: what fires ends soon unless it is sent again. */
export function postableAlerts(message: Message, nowMs: number): PostableAlert[] {
  return alertsOf(message).map(({ status, labels, annotations, startsAt, endsAt, generatorUrl }) => {
    const endedMs = Date.parse(endsAt ?? '');
    const beganMs = Math.min(Number.isFinite(Date.parse(startsAt)) ? Date.parse(startsAt) : nowMs, nowMs);
    const over = status === 'resolved' ? Math.min(Number.isFinite(endedMs) ? endedMs : nowMs, nowMs) : nowMs + LIFE_MS;
    return {
      labels: validLabels(labels),
      annotations: validLabels(annotations),
      startsAt: new Date(beganMs).toISOString(),
      endsAt: new Date(Math.max(over, beganMs + 1)).toISOString(),
      generatorURL: generatorUrl ?? message.links.more,
    };
  });
}

/** The message as Alertmanager's webhook, version 4, field by field. */
export function alertmanagerWebhook(message: Message, receiver: string, externalUrl: string): object {
  const { group, truncatedAlerts = 0 } = message.notice;
  const alerts = alertsOf(message);
  const common = (each: (alert: NoticeAlert) => Record<string, string>) => commonEntries(alerts.map(each));
  return {
    receiver: group?.receiver ?? receiver,
    status: alerts.some(({ status }) => status === 'firing') ? 'firing' : 'resolved',
    alerts: alerts.map(({ status, labels, annotations, startsAt, endsAt, generatorUrl, fingerprint }) => ({
      status,
      labels: safeTexts(labels),
      annotations: safeTexts(annotations),
      startsAt,
      endsAt: status === 'firing' ? NEVER : (endsAt ?? message.notice.timestamp),
      generatorURL: generatorUrl ?? message.links.more,
      fingerprint,
    })),
    groupLabels: safeTexts(group?.labels ?? {}),
    commonLabels: safeTexts(group?.commonLabels ?? common(({ labels }) => labels)),
    commonAnnotations: safeTexts(group?.commonAnnotations ?? common(({ annotations }) => annotations)),
    externalURL: externalUrl,
    version: '4',
    groupKey: message.groupKey,
    truncatedAlerts,
  };
}

/** The alerts of a notice; what it tells of an incident or of Tracehound itself counts as one. */
export function alertsOf(message: Message): NoticeAlert[] {
  const { notice, title, text, links, status, severity } = message;
  const { incident, alerts = [] } = notice;
  if (alerts.length > 0) return alerts;
  const blamed = incident?.causes[0] ?? incident?.affected[0];
  const isOver = status !== 'firing';
  return [
    {
      status: isOver ? 'resolved' : 'firing',
      labels: {
        alertname: incident === null ? 'TracehoundNotice' : 'TracehoundIncident',
        severity: severity ?? 'info',
        ...(incident && { incident: incident.id }),
        ...(blamed && { service: blamed.service, operation: blamed.operation }),
        ...(incident === null && { type: notice.type }),
      },
      annotations: { summary: title, description: text },
      startsAt: incident?.startedAt ?? notice.timestamp,
      endsAt: isOver ? (incident?.resolvedAt ?? notice.timestamp) : null,
      generatorUrl: links.more,
      // Unique for the incident, and of the form that Alertmanager's have.
      fingerprint: (incident?.id ?? message.id).replaceAll('-', '').slice(0, 16),
      figures: null,
      exemplars: [],
      ruleId: null,
      ruleName: '',
    },
  ];
}

/** Names as every version of Alertmanager takes them; empty values mean no label there. */
function validLabels(labels: Record<string, string>): Record<string, string> {
  const valid: Record<string, string> = {};
  for (const [name, value] of Object.entries(labels).slice(0, MAX_LABELS)) {
    const safe = name.replace(/[^A-Za-z0-9_]/g, '_').replace(/^(?=\d)/, '_');
    if (safe !== '' && value !== '') valid[safe] ??= displayText(value, MAX_VALUE);
  }
  return valid;
}

function safeTexts(labels: Record<string, string>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(labels)
      .slice(0, MAX_LABELS)
      .map(([name, value]) => [displayText(name, 100), displayText(value, MAX_VALUE)]),
  );
}

function commonEntries(all: readonly Record<string, string>[]): Record<string, string> {
  const [first = {}, ...others] = all;
  return Object.fromEntries(
    Object.entries(first).filter(([name, value]) => others.every((each) => each[name] === value)),
  );
}
