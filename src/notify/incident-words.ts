import { displayText, formatDurationUs, formatUtc } from '../model/display.js';
import { deviation, headline, type IncidentView } from '../model/incident-view.js';
import type { NoticeType } from '../model/notice.js';
import { closed, VERB } from './wording.js';

const MAX_SERVICES = 4;

/** The first evidence, what would be gone without this cause and where it sits, then further evidence. */
export function reasons({ evidence, counterfactuals, instances }: IncidentView['causes'][number]): string[] {
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

/** What, how bad, since when, who is to blame, what the bad traces have in common, and who suffers besides. */
export function inOneLine(
  type: NoticeType,
  incident: IncidentView,
  cause: { name: string; percent: number; evidence: string[] } | undefined,
  correlation: string | undefined,
): string {
  const worst = headline(incident.affected, incident.causes[0]);
  const what = worst ? deviation(worst) : displayText(incident.title, 400);
  const since = formatUtc(Date.parse(incident.startedAt)).slice(11);
  const when = type === 'incident.resolved' ? `from ${since} for ${lasted(incident)}` : `since ${since}`;
  const blame = cause && `Cause: ${cause.name} (${cause.percent} % likely)`;
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

export function facts(incident: IncidentView): string[] {
  const { severity, startedAt, resolvedAt, flaps } = incident;
  return [
    `severity ${severity}`,
    `began ${formatUtc(Date.parse(startedAt))}`,
    ...(resolvedAt === null ? [] : [`resolved ${formatUtc(Date.parse(resolvedAt))}`, `lasted ${lasted(incident)}`]),
    ...(flaps === 0 ? [] : [flaps === 1 ? 'came back once' : `came back ${flaps} times`]),
  ];
}

/** From the first to the last deviating window; the quiet time before resolving is not part of it. */
function lasted(incident: IncidentView): string {
  return formatDurationUs((Date.parse(incident.lastSeenAt) - Date.parse(incident.startedAt)) * 1_000);
}

/** The first lines, and how many more there are. */
export function shortened(lines: string[], max: number): string[] {
  return lines.length <= max ? lines : [...lines.slice(0, max), `and ${lines.length - max} more`];
}
