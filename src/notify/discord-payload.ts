import { truncate } from '../model/display.js';
import { codeSpan, lookAlikes } from './harmless.js';
import type { Message } from './message.js';
import { fitting, linksToAct, linksToRead, sections } from './wording.js';

/** Discord's limits, in characters; the whole embed may have 6,000. */
const MAX_TITLE = 256;
const MAX_LINKS = 2_500;
const MAX_FIELD = 1_024;
const MAX_TOTAL = 5_500;
const MAX_FIELDS = 10;
/** A line is cut to this many code points, so that several fit into a field. */
const MAX_LINE = 200;

const COLOURS = { critical: 0xd92d20, warning: 0xf79009, info: 0x2e90fa, resolved: 0x12b76a } as const;

interface DiscordPayload {
  content: string;
  /** Nobody is pinged, whatever the text says. */
  allowed_mentions: { parse: [] };
  embeds: [
    {
      title: string;
      url: string;
      /** The links: signed ones are longer than a field may be. */
      description: string;
      color: number;
      timestamp?: string;
      fields: { name: string; value: string }[];
      image?: { url: string };
    },
  ];
}

/** The message as an embed. Text from spans stands in code spans; the title and the content, which may not have them, get look-alikes. */
export function discordPayload(message: Message, picture: string | null): DiscordPayload {
  const { title, text, facts, links, severity, status, notice } = message;
  const facts_ = facts.length > 0 ? [{ name: 'State', value: fit(facts.map(lookAlikes)) }] : [];
  const body = sections(message).map(({ heading, lines }) => ({
    name: heading,
    value: fit(lines.map((line) => codeSpan(truncate(line, MAX_LINE)))),
  }));
  // Ours first: those of senders may be too long.
  const linked = [...linksToAct(links), ...linksToRead(links)].map(({ name, url }) => `[${name}](${url})`);
  const description = fitting(linked, MAX_LINKS, 3).join(' · ');
  const wanted = [...facts_, ...body.slice(0, MAX_FIELDS - 1)];
  let total = MAX_TITLE + description.length;
  const fields = wanted.filter(({ name, value }) => (total += name.length + value.length) <= MAX_TOTAL);
  const whenMs = Date.parse(notice.timestamp);
  return {
    content: fitText(lookAlikes(text), 1_900),
    allowed_mentions: { parse: [] },
    embeds: [
      {
        title: fitText(lookAlikes(title), MAX_TITLE),
        url: links.more,
        description,
        color: COLOURS[status === 'resolved' ? 'resolved' : (severity ?? 'info')],
        ...(Number.isFinite(whenMs) && { timestamp: new Date(whenMs).toISOString() }),
        fields,
        ...(picture !== null && { image: { url: `attachment://${picture}` } }),
      },
    ],
  };
}

function fit(lines: string[]): string {
  return fitting(lines, MAX_FIELD).join('\n');
}

/** By code points, of which none is longer than two UTF-16 units: Discord counts characters. */
function fitText(text: string, max: number): string {
  return truncate(text, max);
}
