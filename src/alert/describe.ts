import type { Alert, AlertFigures } from '../model/alert.js';
import { displayText, formatDurationUs, formatUtc } from '../model/display.js';
import type { Severity } from '../model/incident.js';
import type { Rule } from '../model/rule.js';
import type { Condition } from './rule-data.js';
import { fillTemplate } from './template.js';

/** What an alert is called and says: labels and annotations of the rule with their places filled in. */
export function describeCondition(
  rule: Rule,
  { labels, figures, exemplars }: Pick<Condition, 'labels' | 'figures' | 'exemplars'>,
  severity: Severity,
  sinceMs: number,
): Pick<Alert, 'labels' | 'annotations' | 'figures' | 'exemplars'> {
  const all: Record<string, string> = { alertname: rule.name, severity, ...labels };
  const values = valuesOf(rule, all, figures, sinceMs);
  for (const [name, template] of Object.entries(rule.labels)) {
    const value = fillTemplate(template, values);
    if (value !== '') all[name] ??= value;
  }
  return {
    labels: all,
    annotations: filledAnnotations(rule, values, summaryOf(rule, all, figures)),
    figures,
    exemplars: exemplars(),
  };
}

/** The annotations of a rule; a summary there always is. */
export function filledAnnotations(
  rule: Pick<Rule, 'annotations' | 'runbookUrl'>,
  values: ReadonlyMap<string, string>,
  summary: string,
): Record<string, string> {
  return {
    summary,
    ...Object.fromEntries(Object.entries(rule.annotations).map(([name, text]) => [name, fillTemplate(text, values)])),
    ...(rule.runbookUrl !== null && { runbook_url: rule.runbookUrl }),
  };
}

/** What templates may name. */
export function valuesOf(
  rule: Pick<Rule, 'name'>,
  labels: Readonly<Record<string, string>>,
  figures: AlertFigures | null,
  sinceMs: number,
): Map<string, string> {
  return new Map([
    ...Object.entries(labels).map(([name, value]) => [`labels.${name}`, value] as const),
    ['rule.name', rule.name],
    ['since', formatUtc(sinceMs)],
    ...(figures === null
      ? []
      : ([
          ['value', formatFigure(figures.observed, figures.unit)],
          ['limit', formatFigure(figures.expected, figures.unit)],
          ['n', String(figures.n)],
        ] as const)),
  ]);
}

function summaryOf(rule: Rule, labels: Record<string, string>, figures: AlertFigures | null): string {
  const where = [labels['service'], labels['operation']].filter(Boolean).join(' / ');
  const what =
    figures === null
      ? ''
      : `${formatFigure(figures.observed, figures.unit)} (limit ${formatFigure(figures.expected, figures.unit)})`;
  return displayText([rule.name, where, what].filter(Boolean).join(': '), 300);
}

/** A figure of an alert, as people say it. */
export function formatFigure(value: number | null, unit: AlertFigures['unit']): string {
  if (value === null) return 'unknown';
  const short = Number(value.toPrecision(3));
  switch (unit) {
    case 'us':
      return formatDurationUs(value);
    case 'ratio':
      return `${Number((100 * value).toPrecision(3))} %`;
    case 'per_second':
      return `${short}/s`;
    case 'seconds':
      return `${short} s`;
    case 'per_window':
      return `${short} spans`;
    case 'traces':
      return `${short} traces`;
    case 'calls_per_call':
      return `${short} calls a span`;
    case 'burn_rate':
      return `burn rate ${short}`;
    case 'alerts':
      return `${value} alerts`;
    case 'apdex':
      return `Apdex ${short}`;
  }
}
