import { displayText, formatDurationUs, formatUtc } from '../model/display.js';
import { deviation, headline, operationName, type IncidentView } from '../model/incident-view.js';
import { correlationLines } from '../model/correlation-lines.js';
import type { Notice, NoticeType } from '../model/notice.js';

/** A message before a channel gives it its form. All text is plain and on one line each; markup is escaped by the channel that has markup. */
export interface Message {
  /** Stays the same over all attempts: receivers drop what they have seen. */
  id: string;
  notice: Notice;
  title: string;
  /** Title, since when, the first cause with its first evidence, what the bad traces have in common, and who is affected, in one line. */
  text: string;
  facts: string[];
  causes: { name: string; percent: number; evidence: string[] }[];
  /** What the bad traces have in common, a line each. */
  correlations: string[];
  affected: string[];
  links: { incident: string; traces: string[] };
}

const MAX_CAUSES = 3;
const MAX_EVIDENCE = 3;
const MAX_AFFECTED = 8;
const MAX_TRACES = 3;
const MAX_SERVICES = 4;

const VERB: Record<NoticeType, string> = {
  'incident.opened': 'Opened',
  'incident.reopened': 'Reopened',
  'incident.escalated': 'Escalated',
  'incident.resolved': 'Resolved',
  'channel.test': 'Test',
};

/** Puts a notice into words. `publicUrl` is where readers reach this service. */
export function composeMessage(id: string, notice: Notice, publicUrl: string): Message {
  const incident = notice.incident;
  if (incident === null) return composeTest(id, notice, publicUrl);
  const title = `${VERB[notice.type]}: ${displayText(incident.title, 400)}`;
  const causes = incident.causes.slice(0, MAX_CAUSES).map((cause) => ({
    name: operationName(cause),
    percent: Math.round(cause.score * 100),
    evidence: reasons(cause).slice(0, MAX_EVIDENCE),
  }));
  const correlations = correlationLines(incident.compared ?? null, incident.correlations ?? [], incident.startedAt);
  return {
    id,
    notice,
    title,
    text: inOneLine(notice.type, incident, causes[0], correlations[0]),
    facts: facts(incident),
    causes,
    correlations,
    affected: shortened(incident.affected.map(deviation), MAX_AFFECTED),
    links: {
      incident: `${base(publicUrl)}/api/v1/incidents/${encodeURIComponent(incident.id)}`,
      traces: exemplars(incident).map((traceId) => `${base(publicUrl)}/api/v1/traces/${traceId}`),
    },
  };
}

/** The first evidence, what would be gone without this cause and where it sits, then further evidence. */
function reasons({ evidence, counterfactuals, instances }: IncidentView['causes'][number]): string[] {
  const [first, ...further] = evidence;
  const texts = [first, counterfactuals[0]].flatMap((each) =>
    each === undefined ? [] : [displayText(each.text, 300)],
  );
  const place = instances[0];
  if (place !== undefined) {
    const { attribute, value, share, ofSpans } = place;
    const figures = `${Math.round(share * 100)} % of it, ${Math.round(ofSpans * 100)} % of the spans`;
    texts.push(`mostly where ${displayText(attribute, 60)} is ${displayText(value, 80)} (${figures})`);
  }
  return [...texts, ...further.map((each) => displayText(each.text, 300))];
}

function composeTest(id: string, notice: Notice, publicUrl: string): Message {
  const title = 'Test: Tracehound can reach this channel';
  const links = { incident: `${base(publicUrl)}/api/v1/incidents`, traces: [] };
  return { id, notice, title, text: `${title}.`, facts: [], causes: [], correlations: [], affected: [], links };
}

function inOneLine(
  type: NoticeType,
  incident: IncidentView,
  cause: Message['causes'][number] | undefined,
  correlation: string | undefined,
): string {
  const worst = headline(incident.affected, incident.causes[0]);
  const what = worst ? deviation(worst) : displayText(incident.title, 400);
  const since = formatUtc(Date.parse(incident.startedAt)).slice(11);
  const when = type === 'incident.resolved' ? `from ${since} for ${lasted(incident)}` : `since ${since}`;
  const blame = cause && `Cause: ${cause.name} (${cause.percent} %)`;
  const why = cause?.evidence[0] === undefined ? blame : `${blame}: ${cause.evidence[0]}`;
  const others = othersAffected(incident, worst?.service);
  const affects = others.length > 0 && `Also affected: ${others.join(', ')}.`;
  const said = [why && closed(why), correlation && closed(correlation), affects];
  return [`${VERB[type]}: ${what} ${when}.`, ...said].filter(Boolean).join(' ');
}

/** Services that suffer from it, besides the one that is blamed and the one whose figures are told. */
function othersAffected(incident: IncidentView, told: string | undefined): string[] {
  const names = new Set(incident.affected.map(({ service }) => service));
  for (const named of [incident.causes[0]?.service, told]) if (named !== undefined) names.delete(named);
  return shortened(
    [...names].map((name) => displayText(name, 80)),
    MAX_SERVICES,
  );
}

function facts(incident: IncidentView): string[] {
  const { severity, startedAt, resolvedAt, flaps } = incident;
  return [
    `severity ${severity}`,
    `began ${formatUtc(Date.parse(startedAt))}`,
    ...(resolvedAt === null ? [] : [`resolved ${formatUtc(Date.parse(resolvedAt))}`, `lasted ${lasted(incident)}`]),
    ...(flaps === 0 ? [] : [`came back ${flaps} times`]),
  ];
}

/** From the first to the last deviating window; the quiet time before resolving is not part of it. */
function lasted(incident: IncidentView): string {
  return formatDurationUs((Date.parse(incident.lastSeenAt) - Date.parse(incident.startedAt)) * 1_000);
}

function shortened(lines: string[], max: number): string[] {
  return lines.length <= max ? lines : [...lines.slice(0, max), `and ${lines.length - max} more`];
}

/** Trace ids that show the incident: the first cause's first. What is no trace id does not get into a link. */
function exemplars(incident: IncidentView): string[] {
  const ids = [...(incident.causes[0]?.exemplars ?? []), ...incident.exemplars];
  return [...new Set(ids)].filter((id) => /^[0-9a-f]{32}$/.test(id)).slice(0, MAX_TRACES);
}

function base(publicUrl: string): string {
  return publicUrl.replace(/\/+$/, '');
}

function closed(sentence: string): string {
  return /[.!?…]$/.test(sentence) ? sentence : `${sentence}.`;
}
