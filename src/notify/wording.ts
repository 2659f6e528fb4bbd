import type { NoticeType } from '../model/notice.js';
import type { Message, MessageLinks } from './message.js';

/** The word that a message begins with. */
export const VERB: Record<NoticeType, string> = {
  'incident.opened': 'Opened',
  'incident.reopened': 'Reopened',
  'incident.another_cause': 'Another cause',
  'incident.escalated': 'Escalated',
  'incident.resolved': 'Resolved',
  'alert.firing': 'Firing',
  'alert.resolved': 'Resolved',
  'alert.acknowledged': 'Acknowledged',
  'alert.digest': 'Digest',
  'channel.failing': 'Channel failing',
  'channel.test': 'Test',
  proposal: 'Proposal',
};

/** Discord takes no longer ones. */
const MAX_URL_LENGTH = 2_000;

/** The URL when it is one that a reader may safely press, normalised; else null. It may come from a sender. */
export function httpUrl(text: string | null): string | null {
  if (text === null || text.length > MAX_URL_LENGTH || !URL.canParse(text)) return null;
  const url = new URL(text);
  if (url.protocol !== 'https:' && url.protocol !== 'http:') return null;
  // What a URL may hold and markup must not: it would end a link or begin another.
  const safe = url.href.replace(
    /[()<>|"'`\\*~[\]\s]/g,
    (each) => `%${each.charCodeAt(0).toString(16).padStart(2, '0')}`,
  );
  return safe.length <= MAX_URL_LENGTH ? safe : null;
}

interface NamedLink {
  name: string;
  url: string;
}

/** The links of a message in the order in which they are shown, each with its name. */
export function namedLinks(links: MessageLinks): NamedLink[] {
  return [...linksToRead(links), ...linksToAct(links)];
}

/** At most five: where more is to be read. */
export function linksToRead(links: MessageLinks): NamedLink[] {
  return [
    { name: links.incident === null ? 'more' : 'incident', url: links.more },
    ...links.traces.map((url, index) => ({ name: `trace ${index + 1}`, url })),
    ...one('runbook', links.runbook),
  ];
}

/** At most three: what can be done. */
export function linksToAct(links: MessageLinks): NamedLink[] {
  return [
    ...one('acknowledge', links.acknowledge),
    ...one('silence', links.silence),
    ...one('useful or noise', links.feedback),
  ];
}

function one(name: string, url: string | null): NamedLink[] {
  return url === null ? [] : [{ name, url }];
}

/** The parts of a message below its title, for channels that show headings with lines. */
export function sections({ causes, correlations, affected, alerts }: Message): { heading: string; lines: string[] }[] {
  const all = causes.map(({ name, percent, evidence }, index) => ({
    heading: index === 0 ? 'Cause' : 'Or',
    lines: [`${name} (${percent} % likely)`, ...evidence],
  }));
  if (correlations.length > 0) all.push({ heading: 'In common', lines: correlations });
  if (affected.length > 0) all.push({ heading: 'Affected', lines: affected });
  if (alerts.length > 0) all.push({ heading: 'Alerts', lines: alerts });
  return all;
}

/** As many whole lines as fit into `max` characters when each costs its own length and `between`; what is left out is counted. */
export function fitting(lines: readonly string[], max: number, between = 1): string[] {
  const kept: string[] = [];
  let length = 0;
  const reserve = 16;
  for (const [index, line] of lines.entries()) {
    length += line.length + between;
    const isLast = index === lines.length - 1;
    if (length > (isLast ? max : max - reserve)) return [...kept, `and ${lines.length - kept.length} more`];
    kept.push(line);
  }
  return kept;
}

/** The sentence with a mark at its end. */
export function closed(sentence: string): string {
  return /[.!?…]$/.test(sentence) ? sentence : `${sentence}.`;
}
