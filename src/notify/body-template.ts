import type { Message } from './message.js';

const MAX_DEPTH = 10;
const PLACEHOLDER = /\{\{\s*([A-Za-z][A-Za-z0-9_.]*)\s*\}\}/g;
const NAMES = [
  'id',
  'type',
  'timestamp',
  'reason',
  'groupKey',
  'status',
  'severity',
  'title',
  'text',
  'facts',
  'causes',
  'correlations',
  'affected',
  'alerts',
  'links',
  'incident',
] as const;

type Json = string | number | boolean | null | Json[] | { [name: string]: Json };

/**
 * Why the text cannot be the template of a body, or null when it can. A template is JSON; `{{name}}` or `{{name.name}}` in its strings
 * stands for a value of the message, so that no value can change the form of the body, whatever it holds.
 */
export function templateProblem(template: string): string | null {
  let parsed: unknown;
  try {
    parsed = JSON.parse(template);
  } catch {
    return 'must be JSON, with {{placeholders}} in its strings';
  }
  if (depth(parsed) > MAX_DEPTH) return `must not be nested deeper than ${MAX_DEPTH}`;
  for (const [, path = ''] of template.matchAll(PLACEHOLDER)) {
    const [name = ''] = path.split('.');
    if (!NAMES.some((each) => each === name)) return `{{${path}}} is unknown; there are ${NAMES.join(', ')}`;
  }
  return null;
}

/** The body that a template makes of a message. A string that is one placeholder becomes its value; inside other text values become text. */
export function renderTemplate(template: string, message: Message): string {
  const { notice, id, groupKey, status, severity, title, text, facts, causes, correlations, affected, alerts, links } =
    message;
  const values: Record<(typeof NAMES)[number], unknown> = {
    id,
    type: notice.type,
    timestamp: notice.timestamp,
    reason: notice.reason,
    groupKey,
    status,
    severity,
    title,
    text,
    facts,
    causes,
    correlations,
    affected,
    alerts,
    links,
    incident: notice.incident && {
      id: notice.incident.id,
      severity: notice.incident.severity,
      state: notice.incident.state,
    },
  };
  return JSON.stringify(filled(JSON.parse(template) as Json, values));
}

function filled(part: Json, values: Record<string, unknown>): unknown {
  if (typeof part === 'string') return filledText(part, values);
  if (Array.isArray(part)) return part.map((each) => filled(each, values));
  if (part === null || typeof part !== 'object') return part;
  return Object.fromEntries(Object.entries(part).map(([name, value]) => [name, filled(value, values)]));
}

function filledText(text: string, values: Record<string, unknown>): unknown {
  const [only] = [...text.matchAll(PLACEHOLDER)];
  if (only?.[0] === text) return lookUp(only[1] ?? '', values);
  return text.replace(PLACEHOLDER, (_all, path: string) => {
    const value = lookUp(path, values);
    return typeof value === 'string' ? value : value === null ? '' : JSON.stringify(value);
  });
}

function lookUp(path: string, values: Record<string, unknown>): unknown {
  let value: unknown = values;
  for (const name of path.split('.')) {
    if (value === null || typeof value !== 'object' || !Object.hasOwn(value, name)) return null;
    value = (value as Record<string, unknown>)[name];
  }
  return value;
}

function depth(part: unknown): number {
  if (part === null || typeof part !== 'object') return 0;
  let deepest = 0;
  for (const each of Object.values(part)) deepest = Math.max(deepest, depth(each));
  return 1 + deepest;
}
