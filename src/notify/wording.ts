import type { NoticeType } from '../model/notice.js';
import type { MessageLinks } from './message.js';

/** The word that a message begins with. */
export const VERB: Record<NoticeType, string> = {
  'incident.opened': 'Opened',
  'incident.reopened': 'Reopened',
  'incident.escalated': 'Escalated',
  'incident.resolved': 'Resolved',
  'alert.firing': 'Firing',
  'alert.resolved': 'Resolved',
  'alert.digest': 'Digest',
  'channel.failing': 'Channel failing',
  'channel.test': 'Test',
  proposal: 'Proposal',
};

const MAX_URL_LENGTH = 2_000;

/** The URL when it is one that a reader may safely press, normalised; else null. It may come from a sender. */
export function httpUrl(text: string | null): string | null {
  if (text === null || text.length > MAX_URL_LENGTH || !URL.canParse(text)) return null;
  const url = new URL(text);
  if (url.protocol !== 'https:' && url.protocol !== 'http:') return null;
  // What a URL may hold and markup must not: it would end a link or begin another.
  return url.href.replace(/[()<>|"'`\\*~[\]\s]/g, (each) => `%${each.charCodeAt(0).toString(16).padStart(2, '0')}`);
}

/** The links of a message in the order in which they are shown, each with its name. */
export function namedLinks(links: MessageLinks): { name: string; url: string }[] {
  const one = (name: string, url: string | null) => (url === null ? [] : [{ name, url }]);
  return [
    { name: links.incident === null ? 'more' : 'incident', url: links.more },
    ...links.traces.map((url, index) => ({ name: `trace ${index + 1}`, url })),
    ...one('runbook', links.runbook),
    ...one('acknowledge', links.acknowledge),
    ...one('silence', links.silence),
  ];
}
