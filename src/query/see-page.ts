import { escapedHtml, htmlPage } from '../html-page.js';
import type { AlertFigures } from '../model/alert.js';
import type { AlertStory } from '../model/alert-story.js';
import { correlationLines } from '../model/correlation-lines.js';
import type { CorrelationsView } from '../model/correlation-view.js';
import { displayText, formatDurationUs, formatQuantity, formatUtc } from '../model/display.js';
import type { IncidentAction } from '../model/incident-action.js';
import { deviation, operationName, percentLikely, type IncidentView } from '../model/incident-view.js';
import type { TraceRow } from './trace-rows.js';

const MAX_CAUSES = 5;
const MAX_AFFECTED = 30;
const MAX_STEPS = 20;

/** What a link to an incident shows: what the message said, as it stands now, and what people have done since. `traces` are links. */
export function incidentPage(
  incident: IncidentView & CorrelationsView,
  actions: readonly IncidentAction[],
  traces: readonly string[],
): string {
  const { severity, state, startedAt, resolvedAt, causes, affected } = incident;
  const since = formatUtc(Date.parse(startedAt));
  const until = resolvedAt === null ? '' : `, resolved ${formatUtc(Date.parse(resolvedAt))}`;
  const parts = [
    list([`severity ${severity}, ${state}`, `began ${since}${until}`]),
    ...causes
      .slice(0, MAX_CAUSES)
      .map(({ evidence, counterfactuals, ...cause }, index) =>
        section(index === 0 ? 'Cause' : 'Or', [
          `${operationName(cause)} (${percentLikely(cause.score)} % likely)`,
          ...[...evidence, ...counterfactuals].map(({ text }) => displayText(text, 300)),
        ]),
      ),
    section('In common', correlationLines(incident.compared, incident.correlations, startedAt)),
    section('Affected', affected.slice(0, MAX_AFFECTED).map(deviation)),
    traceList(traces),
    section('Done by people', actions.map(actionLine)),
  ];
  return htmlPage(displayText(incident.title, 400), parts.join(''), 'wide');
}

/** What a link to an alert shows: its condition as it stands now, its labels, and what became of it. `traces` are links. */
export function alertPage({ alert, transitions }: AlertStory, traces: readonly string[]): string {
  const { labels, annotations, figures, state, activeAtMs } = alert;
  const { alertname = 'alert', service, operation, ...others } = labels;
  const place = [service, operation]
    .flatMap((each) => (each === undefined ? [] : [displayText(each, 120)]))
    .join(' / ');
  const named = (texts: Readonly<Record<string, string>>) =>
    Object.entries(texts).map(([name, value]) => `${displayText(name, 60)}: ${displayText(value, 500)}`);
  const parts = [
    list([state.replaceAll('_', ' '), `since ${formatUtc(activeAtMs)}`, ...figureLines(figures)]),
    section('Said by its rule or sender', named(annotations)),
    section('Labels', named(others)),
    traceList(traces),
    section(
      'What became of it',
      transitions
        .slice(0, MAX_STEPS)
        .map(({ atMs, to, reason }) => `${formatUtc(atMs)} ${to.replaceAll('_', ' ')}: ${displayText(reason, 300)}`),
    ),
  ];
  return htmlPage(`${displayText(alertname, 120)}${place === '' ? '' : ` at ${place}`}`, parts.join(''), 'wide');
}

function figureLines(figures: AlertFigures | null): string[] {
  if (figures === null || figures.observed === null) return [];
  const { observed, expected, unit } = figures;
  const against = expected === null ? '' : ` (expected ${formatQuantity(expected, unit)})`;
  return [`${formatQuantity(observed, unit)}${against}`];
}

function traceList(urls: readonly string[]): string {
  if (urls.length === 0) return '';
  const items = urls.map((url, index) => `<li><a href="${escapedHtml(url)}">trace ${index + 1}</a></li>`);
  return `<h2>Traces that show it</h2><ul>${items.join('')}</ul>`;
}

/** What a link to a trace shows: its spans below who called them, each with its time. Attributes are shown to who has a key. */
export function tracePage(traceId: string, rows: readonly TraceRow[], total: number): string {
  const [first] = rows;
  const endUs = Math.max(...rows.map(({ startUs, durationUs }) => startUs + durationUs));
  const failed = rows.filter(({ isError }) => isError).length;
  const facts = [
    `${total} ${total === 1 ? 'span' : 'spans'}, ${failed} failed, ${formatDurationUs(endUs)} from first to last`,
    ...(total > rows.length ? [`the first ${rows.length} are shown`] : []),
    `trace id ${traceId}`,
  ];
  const spans = rows.map((row) => spanItem(row, Math.max(1, endUs)));
  const title = first === undefined ? 'Trace' : operationName({ service: first.service, operation: first.name });
  return htmlPage(title, `${list(facts)}<h2>Spans</h2><ol>${spans.join('')}</ol>`, 'wide');
}

/** What is shown instead when a link shows nothing any more. */
export function nothingPage(why: 'expired' | 'unknown' | 'gone'): string {
  const text = {
    expired: 'Links in messages show things for seven days. A newer message about the same has newer ones.',
    unknown: 'It is not one of this service, or not whole. Open it from the message again.',
    gone: 'It is stored no more: spans are kept for a time only.',
  }[why];
  const title = { expired: 'This link has expired', unknown: 'This link does not work', gone: 'It is gone' }[why];
  return htmlPage(title, `<p>${escapedHtml(text)}</p>`);
}

function spanItem({ depth, service, name, startUs, durationUs, isError }: TraceRow, endUs: number): string {
  const label = `${operationName({ service, operation: name })}${isError ? ', failed' : ''}`;
  const times = `${formatDurationUs(durationUs)} at ${formatDurationUs(startUs)}`;
  const x = ((startUs / endUs) * 1_000).toFixed(1);
  const width = Math.max(2, (durationUs / endUs) * 1_000).toFixed(1);
  return (
    `<li${isError ? ' class="bad"' : ''}><div class="span d${Math.min(depth, 12)}"><span>${escapedHtml(label)}</span><span>${times}</span></div>` +
    `<svg viewBox="0 0 1000 8" preserveAspectRatio="none" aria-hidden="true"><rect x="${x}" width="${width}" height="8"/></svg></li>`
  );
}

function actionLine({ kind, by, atMs, subject, comment }: IncidentAction): string {
  const whom = kind === 'assigned' ? ` it to ${subject === null ? 'nobody' : displayText(subject, 100)}` : '';
  const said = comment === '' ? '' : `: ${displayText(comment, 300)}`;
  return `${formatUtc(atMs)} ${displayText(by, 100)} ${kind.replaceAll('_', ' ')}${whom}${said}`;
}

function section(heading: string, lines: readonly string[]): string {
  return lines.length === 0 ? '' : `<h2>${heading}</h2>${list(lines)}`;
}

function list(lines: readonly string[]): string {
  return `<ul>${lines.map((line) => `<li>${escapedHtml(line)}</li>`).join('')}</ul>`;
}
