import { truncate } from '../model/display.js';
import type { Message } from './message.js';
import { fitting, linksToAct, linksToRead } from './wording.js';

/** Slack's limits, in characters; held in UTF-16 units, which are never fewer than characters. */
const MAX_HEADER = 150;
const MAX_SECTION = 3_000;
/** Escaping makes at most five units of one, and a code point has at most two: this many stay below the limit of a section. */
const MAX_CODE_POINTS = 550;

type TextObject = { type: 'plain_text'; text: string; emoji: false } | { type: 'mrkdwn'; text: string; verbatim: true };
export type SlackBlock =
  | { type: 'header'; text: TextObject }
  | { type: 'section'; text: TextObject }
  | { type: 'context'; elements: TextObject[] };
export interface SlackPayload {
  /** What notifications and screen readers show. */
  text: string;
  mrkdwn: false;
  blocks: SlackBlock[];
}

/**
 * The message in Block Kit. Text from spans stands only in code spans with `&`, `<`, `>` escaped and backticks replaced, where Slack
 * reads no mention, link, emoji or formatting; the header, which knows no markup, gets look-alikes of the brackets, and the fallback
 * text goes with formatting off.
 */
export function slackPayload(message: Message): SlackPayload {
  const { title, text, facts, causes, correlations, affected, alerts, links } = message;
  const blocks: SlackBlock[] = [
    { type: 'header', text: { type: 'plain_text', text: fit(bracketless(title), MAX_HEADER), emoji: false } },
  ];
  if (facts.length > 0) blocks.push({ type: 'context', elements: [plain(facts)] });
  causes.forEach(({ name, percent, evidence }, index) => {
    const head = `*${index === 0 ? 'Cause' : 'Or'}* ${code(name)} (${percent} % likely)`;
    blocks.push({ type: 'section', text: lines([head, ...evidence.map((each) => `• ${code(each)}`)]) });
  });
  if (correlations.length > 0) {
    blocks.push({ type: 'section', text: lines(['*In common*', ...correlations.map((each) => `• ${code(each)}`)]) });
  }
  if (affected.length > 0) {
    blocks.push({ type: 'section', text: lines(['*Affected*', ...affected.map((each) => `• ${code(each)}`)]) });
  }
  if (alerts.length > 0) blocks.push({ type: 'section', text: lines(alerts.map((each) => `• ${code(each)}`)) });
  for (const some of [linksToRead(links), linksToAct(links)]) {
    const all = some.map(({ name, url }) => `<${escape(url)}|${name}>`);
    if (all.length > 0) blocks.push({ type: 'context', elements: [markup(fitting(all, MAX_SECTION, 3).join(' · '))] });
  }
  return { text: escape(truncate(text, MAX_CODE_POINTS)), mrkdwn: false, blocks };
}

/** As many whole lines as a section holds: cutting inside a line could cut an escape or a closing backtick. */
function lines(all: string[]): TextObject {
  return markup(fitting(all, MAX_SECTION).join('\n'));
}

/** Facts hold names of senders, too: this kind of text reads no markup at all. */
function plain(facts: string[]): TextObject {
  const text = fitting(facts.map(bracketless), MAX_SECTION, 3).join(' · ');
  return { type: 'plain_text', text, emoji: false };
}

function markup(text: string): TextObject {
  return { type: 'mrkdwn', text, verbatim: true };
}

function code(text: string): string {
  return `\`${escape(truncate(text, MAX_CODE_POINTS).replaceAll('`', 'ˋ'))}\``;
}

function escape(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}

function bracketless(text: string): string {
  return text.replaceAll('<', '‹').replaceAll('>', '›');
}

/** At most `max` UTF-16 units, cut between code points. */
function fit(text: string, max: number): string {
  if (text.length <= max) return text;
  const head = text.slice(0, max - 1);
  return `${/[\uD800-\uDBFF]$/.test(head) ? head.slice(0, -1) : head}…`;
}
