import { truncate } from '../model/display.js';
import { escapeHtml, lookAlikes, unlinked } from './harmless.js';
import type { Message } from './message.js';
import { fitting, namedLinks, sections } from './wording.js';

/** A message may have 32,000 bytes, cards included. */
const MAX_BYTES = 30_000;
const MAX_LINE = 250;

interface Widget {
  textParagraph?: { text: string };
  buttonList?: { buttons: { text: string; onClick: { openLink: { url: string } } }[] };
}

interface GoogleChatPayload {
  fallbackText: string;
  thread: { threadKey: string };
  cardsV2: [
    {
      cardId: string;
      card: {
        header: { title: string; subtitle: string };
        sections: { header?: string; collapsible?: true; widgets: Widget[] }[];
      };
    },
  ];
}

/** The message as a card in the thread of its group. Cards read a little HTML and no mentions: text is escaped; the fallback gets look-alikes. */
export function googleChatPayload(message: Message): GoogleChatPayload {
  let payload = card(message, 40);
  for (const lines of [15, 6, 3, 1]) {
    if (new TextEncoder().encode(JSON.stringify(payload)).length <= MAX_BYTES) break;
    payload = card(message, lines);
  }
  return payload;
}

function card(message: Message, maxLines: number): GoogleChatPayload {
  const { id, title, text, facts, groupKey, links } = message;
  const buttons = namedLinks(links).map(({ name, url }) => ({ text: name, onClick: { openLink: { url } } }));
  return {
    fallbackText: truncate(lookAlikes(text), 1_000),
    thread: { threadKey: truncate(groupKey, 1_000) },
    cardsV2: [
      {
        cardId: id,
        card: {
          header: { title: truncate(lookAlikes(title), 200), subtitle: truncate(lookAlikes(facts.join(' · ')), 300) },
          sections: [
            ...sections(message).map(({ heading, lines }) => {
              const shown =
                lines.length > maxLines ? [...lines.slice(0, maxLines), `and ${lines.length - maxLines} more`] : lines;
              const html = fitting(shown, 6_000).map((line) => escapeHtml(unlinked(truncate(line, MAX_LINE))));
              return { header: heading, widgets: [{ textParagraph: { text: html.join('<br>') } }] };
            }),
            { widgets: [{ buttonList: { buttons } }] },
          ],
        },
      },
    ],
  };
}
