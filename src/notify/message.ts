import { displayText, formatUtc } from '../model/display.js';
import { deviation, operationName, percentLikely, type IncidentView } from '../model/incident-view.js';
import { correlationLines } from '../model/correlation-lines.js';
import type { CorrelationsView } from '../model/correlation-view.js';
import type { Severity } from '../model/incident.js';
import { exemplarsOf, type Notice, type NoticeAlert, type NoticeStatement } from '../model/notice.js';
import {
  alertFacts,
  alertLines,
  alertSummaries,
  alertsTitle,
  alertsWhen,
  callerLines,
  groupFacts,
  versionFacts,
  worstSeverity,
} from './alert-words.js';
import { facts, inOneLine, reasons, shortened } from './incident-words.js';
import { closed, httpUrl, VERB } from './wording.js';

/** A message before a channel gives it its form. All text is plain and on one line each; markup is escaped by the channel that has markup. */
export interface Message {
  /** Stays the same over all attempts: receivers drop what they have seen. */
  id: string;
  /** The same for all messages about the same thing: what threads and deduplication go by. */
  groupKey: string;
  notice: Notice;
  /** What it tells was over before it could be sent. */
  isStale: boolean;
  /** info: neither begins nor ends anything. */
  status: 'firing' | 'resolved' | 'info';
  /** The worst of what it is about; null when it is about neither incident nor alert. */
  severity: Severity | null;
  title: string;
  /** Title, since when, the first cause with its first evidence, what the bad traces have in common, and who is affected, in one line. */
  text: string;
  facts: string[];
  causes: { name: string; percent: number; evidence: string[] }[];
  /** What the bad traces have in common, a line each. */
  correlations: string[];
  affected: string[];
  /** The alerts, or what else is to be said, a line each. */
  alerts: string[];
  links: MessageLinks;
}

export interface MessageLinks {
  /** Null when it is about no incident. */
  incident: string | null;
  /** Where more is to be read, whatever it is about. */
  more: string;
  traces: string[];
  runbook: string | null;
  acknowledge: string | null;
  silence: string | null;
  feedback: string | null;
}

const MAX_CAUSES = 3;
const MAX_EVIDENCE = 3;
const MAX_AFFECTED = 8;

/**
 * Puts a notice into words. `publicUrl` is where readers reach this service; `overSince` (ISO) says that what the notice tells has ended
 * while it waited to be sent.
 */
export function composeMessage(
  id: string,
  notice: Notice,
  publicUrl: string,
  overSince: string | null = null,
): Message {
  const message = compose(id, notice, publicUrl.replace(/\/+$/, ''));
  if (overSince === null || message.status !== 'firing') return message;
  const over = `over by now: resolved ${formatUtc(Date.parse(overSince))}, before this could be sent`;
  const mark = (text: string) => `Over by now: ${text}`;
  const { title, text, facts } = message;
  return { ...message, isStale: true, title: mark(title), text: mark(text), facts: [over, ...facts] };
}

function compose(id: string, notice: Notice, base: string): Message {
  const { incident, alerts = [], statement } = notice;
  if (incident !== null) return aboutIncident(id, notice, incident, base);
  if (alerts.length > 0) return aboutAlerts(id, notice, alerts, base);
  return aboutStatement(id, notice, statement ?? TEST, base);
}

const TEST: NoticeStatement = { title: 'Tracehound can reach this channel', lines: [], path: '/api/v1/incidents' };

function aboutIncident(id: string, notice: Notice, incident: IncidentView & Partial<CorrelationsView>, base: string) {
  const causes = incident.causes.slice(0, MAX_CAUSES).map((cause) => ({
    name: operationName(cause),
    percent: percentLikely(cause.score),
    evidence: reasons(cause).slice(0, MAX_EVIDENCE),
  }));
  const lines = (isMeant: (each: CorrelationsView['correlations'][number]) => boolean) =>
    correlationLines(incident.compared ?? null, (incident.correlations ?? []).filter(isMeant), incident.startedAt);
  const correlations = lines(() => true);
  const link = httpUrl(notice.links?.incident ?? null) ?? `${base}/api/v1/incidents/${encodeURIComponent(incident.id)}`;
  return {
    id,
    groupKey: notice.group?.key ?? incident.id,
    notice,
    isStale: false,
    status: isOver(notice, incident) ? ('resolved' as const) : ('firing' as const),
    severity: incident.severity,
    title: `${VERB[notice.type]}: ${displayText(incident.title, 400)}`,
    // That failed traces have failed is no news: a line has room for one that may say why.
    text: inOneLine(notice.type, incident, causes[0], lines(({ isSymptom }) => !isSymptom)[0]),
    facts: [...facts(incident), ...groupFacts(notice), ...versionFacts(notice)],
    causes,
    correlations,
    affected: shortened(incident.affected.map(deviation), MAX_AFFECTED),
    alerts: [],
    links: {
      incident: link,
      more: link,
      traces: traceLinks(notice, base),
      runbook: runbook(notice.alerts ?? []),
      ...actions(notice),
    },
  };
}

function isOver(notice: Notice, incident: IncidentView): boolean {
  return notice.type === 'alert.resolved' || incident.state === 'resolved';
}

function aboutAlerts(id: string, notice: Notice, alerts: readonly NoticeAlert[], base: string): Message {
  const lines = alertLines(alerts, notice.truncatedAlerts ?? 0);
  const title = `${VERB[notice.type]}: ${alertsTitle(alerts, notice.truncatedAlerts ?? 0)}`;
  const when = alertsWhen(alerts);
  const page = httpUrl(notice.links?.alert ?? null);
  // Whoever sent an alert knows more of it; of our own rules the page tells what the API tells only with a key.
  const senders = alerts.find(
    ({ generatorUrl, ruleId }) => httpUrl(generatorUrl) !== null && (ruleId === null || page === null),
  );
  return {
    id,
    groupKey: notice.group?.key ?? alerts[0]?.fingerprint ?? id,
    notice,
    isStale: false,
    status: alerts.some(({ status }) => status === 'firing') ? 'firing' : 'resolved',
    severity: worstSeverity(alerts),
    title,
    text: [`${title} ${when}.`, ...alertSummaries(alerts).map(closed)].join(' '),
    facts: [...alertFacts(alerts), ...groupFacts(notice), ...versionFacts(notice)],
    causes: [],
    correlations: [],
    affected: callerLines(notice),
    alerts: lines,
    links: {
      incident: null,
      more: httpUrl(senders?.generatorUrl ?? null) ?? page ?? `${base}/api/v1/alerts`,
      traces: traceLinks(notice, base),
      runbook: runbook(alerts),
      ...actions(notice),
    },
  };
}

function aboutStatement(id: string, notice: Notice, statement: NoticeStatement, base: string): Message {
  const title = `${VERB[notice.type]}: ${displayText(statement.title, 400)}`;
  return {
    id,
    groupKey: notice.group?.key ?? id,
    notice,
    isStale: false,
    status: 'info',
    severity: null,
    title,
    text: closed(title),
    facts: [],
    causes: [],
    correlations: [],
    affected: [],
    alerts: statement.lines.map((line) => displayText(line, 400)),
    links: {
      incident: null,
      more: `${base}${statement.path ?? '/api/v1/incidents'}`,
      traces: [],
      runbook: null,
      ...actions(notice),
    },
  };
}

function actions({ links }: Notice): Pick<MessageLinks, 'acknowledge' | 'silence' | 'feedback'> {
  return {
    acknowledge: httpUrl(links?.acknowledge ?? null),
    silence: httpUrl(links?.silence ?? null),
    feedback: httpUrl(links?.feedback ?? null),
  };
}

function runbook(alerts: readonly NoticeAlert[]): string | null {
  for (const { annotations } of alerts) {
    const url = httpUrl(annotations['runbook_url'] ?? null);
    if (url !== null) return url;
  }
  return null;
}

/** Pages that open without a key where there are any, else addresses of the API. */
function traceLinks(notice: Notice, base: string): string[] {
  const pages = (notice.links?.traces ?? []).map(httpUrl).filter((url) => url !== null);
  return pages.length > 0 ? pages : exemplarsOf(notice).map((id) => `${base}/api/v1/traces/${id}`);
}
