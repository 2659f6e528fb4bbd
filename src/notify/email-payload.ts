import { truncate } from '../model/display.js';
import { shortHash } from './fnv.js';
import { escapeHtml, unlinked } from './harmless.js';
import type { Message } from './message.js';
import { namedLinks, sections } from './wording.js';

const MAX_SUBJECT = 150;
const MAX_LINE = 400;
const COLOURS = { critical: '#d92d20', warning: '#f79009', info: '#2e90fa', resolved: '#12b76a' } as const;

interface Email {
  subject: string;
  text: string;
  html: string;
  messageId: string;
  /** What all messages about the same thing refer to, so that programs show them as one thread. */
  references: string;
  headers: Record<string, string>;
}

/** The name by which the HTML part shows the picture that comes with the mail. */
export const PICTURE_CID = 'chart@tracehound';

/** The message as a mail, as text and as HTML. `domain` is the sender's; no text from spans gets into a header but the subject, on one line. */
export function email(message: Message, domain: string, hasPicture: boolean): Email {
  const { id, groupKey, title, text, facts, links, status, severity } = message;
  const parts = sections(message).map(({ heading, lines }) => ({
    heading,
    lines: lines.map((line) => truncate(unlinked(line), MAX_LINE)),
  }));
  const linked = namedLinks(links);
  const plain = [
    unlinked(text),
    facts.map(unlinked).join(' · '),
    ...parts.map(({ heading, lines }) => [heading, ...lines.map((line) => `  ${line}`)].join('\n')),
    linked.map(({ name, url }) => `${name}: ${url}`).join('\n'),
  ];
  const colour = COLOURS[status === 'resolved' ? 'resolved' : (severity ?? 'info')];
  const html = [
    `<h2 style="margin:0 0 8px;border-left:6px solid ${colour};padding-left:10px;font:600 18px sans-serif">${shown(title)}</h2>`,
    `<p style="font:13px sans-serif;color:#555">${shown(facts.join(' · '))}</p>`,
    ...(hasPicture ? [`<p><img src="cid:${PICTURE_CID}" alt="Chart: observed and normal" width="600"></p>`] : []),
    ...parts.map(
      ({ heading, lines }) =>
        `<h3 style="margin:12px 0 4px;font:600 14px sans-serif">${shown(heading)}</h3>` +
        `<ul style="margin:0;padding-left:20px;font:13px monospace">${lines.map((line) => `<li>${shown(line)}</li>`).join('')}</ul>`,
    ),
    `<p style="font:13px sans-serif">${linked.map(({ name, url }) => `<a href="${escapeHtml(url)}">${shown(name)}</a>`).join(' · ')}</p>`,
  ];
  return {
    subject: truncate(`[Tracehound] ${unlinked(title)}`, MAX_SUBJECT),
    text: `${plain.filter((part) => part !== '').join('\n\n')}\n`,
    html: `<!doctype html><html lang="en"><body>${html.join('\n')}</body></html>`,
    messageId: `<${id}@${domain}>`,
    references: `<${shortHash(groupKey)}.group@${domain}>`,
    headers: {
      'Auto-Submitted': 'auto-generated',
      'X-Auto-Response-Suppress': 'All',
      'X-Tracehound-Id': id,
      'X-Tracehound-Status': status,
    },
  };
}

function shown(text: string): string {
  return escapeHtml(unlinked(text));
}
