import { truncate } from '../model/display.js';
import { shortHash } from './fnv.js';
import { unlinked } from './harmless.js';
import type { Message } from './message.js';
import { fitting, namedLinks, sections } from './wording.js';

const MAX_SUMMARY = 1_024;
const MAX_DEDUP_KEY = 255;
/** An event may have 512 KB; what people read is far below. */
const MAX_DETAIL = 8_000;

type Link = { href: string; text: string };
export type PagerDutyEvent =
  | { routing_key: string; event_action: 'resolve' | 'acknowledge'; dedup_key: string }
  | {
      routing_key: string;
      event_action: 'trigger';
      dedup_key: string;
      client: 'Tracehound';
      client_url: string;
      links: Link[];
      payload: {
        summary: string;
        source: string;
        severity: 'critical' | 'warning' | 'info';
        timestamp: string;
        component?: string;
        class: string;
        custom_details: Record<string, string | string[]>;
      };
    };

/**
 * The message as an event: trigger while it fires, acknowledge when somebody is at it, resolve when it is over, under one `dedup_key`. What is neither a beginning nor an end
 * is a trigger of severity info under its own key. What was over before it could be sent pages nobody: it goes as info, too.
 */
export function pagerDutyEvent(message: Message, routingKey: string): PagerDutyEvent {
  const dedup_key = dedupKey(message.groupKey);
  if (message.notice.type === 'alert.acknowledged') {
    return { routing_key: routingKey, event_action: 'acknowledge', dedup_key };
  }
  if (message.status === 'resolved') return { routing_key: routingKey, event_action: 'resolve', dedup_key };
  const { title, text, facts, links, notice, severity, isStale } = message;
  const details = Object.fromEntries(
    sections(message).map(({ heading, lines }, index) => [
      index === 0 ? heading : `${heading} (${index + 1})`,
      fitting(lines.map(unlinked), MAX_DETAIL),
    ]),
  );
  return {
    routing_key: routingKey,
    event_action: 'trigger',
    dedup_key,
    client: 'Tracehound',
    client_url: links.more,
    links: namedLinks(links).map(({ name, url }) => ({ href: url, text: name })),
    payload: {
      summary: truncate(unlinked(title), MAX_SUMMARY),
      source: 'Tracehound',
      severity: isStale ? 'info' : (severity ?? 'info'),
      timestamp: notice.timestamp,
      ...(message.causes[0] && { component: truncate(unlinked(message.causes[0].name), 255) }),
      class: notice.type,
      custom_details: { text: truncate(unlinked(text), 2_000), facts, ...details },
    },
  };
}

/** At most 255 characters; a longer key is cut and told apart from its like by a hash of the whole. */
export function dedupKey(key: string): string {
  return key.length <= MAX_DEDUP_KEY ? key : `${truncate(key, 100)}#${shortHash(key)}`;
}
