import { truncate } from '../model/display.js';
import { lookAlikes } from './harmless.js';
import type { Message } from './message.js';
import { dedupKey } from './pagerduty-payload.js';
import { fitting, namedLinks, sections } from './wording.js';

const MAX_MESSAGE = 130;
const MAX_DESCRIPTION = 15_000;
const MAX_NOTE = 25_000;
const PRIORITY = { critical: 'P1', warning: 'P3', info: 'P5' } as const;

type OpsgenieRequest =
  | {
      path: '/v2/alerts';
      body: {
        message: string;
        alias: string;
        description: string;
        priority: 'P1' | 'P3' | 'P5';
        source: 'Tracehound';
        tags: string[];
        details: Record<string, string>;
      };
    }
  | { path: string; body: { source: 'Tracehound'; note: string } };

/** The message as a request to Opsgenie's alert API: create (which it deduplicates by alias) while it fires, close when it is over. */
export function opsgenieRequest(message: Message): OpsgenieRequest {
  const alias = dedupKey(message.groupKey);
  const { title, text, facts, links, status, severity, notice, isStale } = message;
  if (status === 'resolved') {
    const path = `/v2/alerts/${encodeURIComponent(alias)}/close?identifierType=alias`;
    return { path, body: { source: 'Tracehound', note: truncate(lookAlikes(text), MAX_NOTE) } };
  }
  const lines = [
    lookAlikes(text),
    ...facts.map(lookAlikes),
    ...sections(message).flatMap(({ heading, lines }) => [
      `${heading}:`,
      ...lines.map((line) => `  ${lookAlikes(line)}`),
    ]),
    ...namedLinks(links).map(({ name, url }) => `${name}: ${url}`),
  ];
  return {
    path: '/v2/alerts',
    body: {
      message: truncate(lookAlikes(title), MAX_MESSAGE),
      alias,
      description: fitting(lines, MAX_DESCRIPTION).join('\n'),
      priority: PRIORITY[isStale ? 'info' : (severity ?? 'info')],
      source: 'Tracehound',
      tags: ['tracehound', ...(severity === null ? [] : [severity])],
      details: { type: notice.type, link: links.more },
    },
  };
}
