import { truncate } from '../model/display.js';
import { unlinked } from './harmless.js';
import type { Message } from './message.js';
import { fitting, linksToAct, linksToRead, sections } from './wording.js';

/** Teams takes 28 KB; a workflow wraps what it gets, so some of that is kept free. */
const MAX_BYTES = 24_000;
const MAX_LINE = 300;

type Run = { type: 'TextRun'; text: string; weight?: 'Bolder'; size?: 'Large'; color?: Colour; isSubtle?: true };
type Colour = 'Attention' | 'Warning' | 'Good' | 'Default';
interface RichText {
  type: 'RichTextBlock';
  inlines: Run[];
}
type OpenUrl = { type: 'Action.OpenUrl'; title: string; url: string };
/** Teams shows at most six buttons in a row. */
interface ActionSet {
  type: 'ActionSet';
  actions: OpenUrl[];
}

interface TeamsPayload {
  type: 'message';
  attachments: [
    {
      contentType: 'application/vnd.microsoft.card.adaptive';
      contentUrl: null;
      content: {
        $schema: 'http://adaptivecards.io/schemas/adaptive-card.json';
        type: 'AdaptiveCard';
        version: '1.4';
        fallbackText: string;
        msteams: { width: 'Full' };
        body: (RichText | ActionSet)[];
        actions: OpenUrl[];
      };
    },
  ];
}

const COLOUR = { critical: 'Attention', warning: 'Warning', info: 'Default' } as const;

/**
 * The message as an Adaptive Card for a Workflows webhook. All text stands in text runs, which read no Markdown; the template braces of
 * Adaptive Cards are taken apart; a mention needs an entity, and there is none.
 */
export function teamsPayload(message: Message): TeamsPayload {
  let payload = card(message, 40);
  for (const lines of [15, 6, 3, 1]) {
    if (byteLength(JSON.stringify(payload)) <= MAX_BYTES) break;
    payload = card(message, lines);
  }
  return payload;
}

function card(message: Message, maxLines: number): TeamsPayload {
  const { title, text, facts, links, severity, status } = message;
  const color = status === 'resolved' ? 'Good' : COLOUR[severity ?? 'info'];
  const body: (RichText | ActionSet)[] = [block({ text: plain(title, 300), weight: 'Bolder', size: 'Large', color })];
  if (facts.length > 0) body.push(block({ text: plain(facts.join(' · '), 600), isSubtle: true }));
  for (const { heading, lines } of sections(message)) {
    const shown =
      lines.length > maxLines ? [...lines.slice(0, maxLines), `and ${lines.length - maxLines} more`] : lines;
    body.push(block({ text: heading, weight: 'Bolder' }));
    for (const line of fitting(shown, 6_000)) body.push(block({ text: plain(line, MAX_LINE) }));
  }
  body.push({ type: 'ActionSet', actions: linksToRead(links).map(button) });
  return {
    type: 'message',
    attachments: [
      {
        contentType: 'application/vnd.microsoft.card.adaptive',
        contentUrl: null,
        content: {
          $schema: 'http://adaptivecards.io/schemas/adaptive-card.json',
          type: 'AdaptiveCard',
          version: '1.4',
          fallbackText: plain(text, 600),
          msteams: { width: 'Full' },
          body,
          actions: linksToAct(links).map(button),
        },
      },
    ],
  };
}

function button({ name, url }: { name: string; url: string }): OpenUrl {
  return { type: 'Action.OpenUrl', title: name, url };
}

function block(run: Omit<Run, 'type'>): RichText {
  return { type: 'RichTextBlock', inlines: [{ type: 'TextRun', ...run }] };
}

function plain(text: string, max: number): string {
  return truncate(
    unlinked(text).replace(/[{$](?=\{)/g, (each) => `${each} `),
    max,
  );
}

function byteLength(text: string): number {
  return new TextEncoder().encode(text).length;
}
