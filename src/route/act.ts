import type { LinkAction } from '../model/action-link.js';
import { displayText, formatUtc } from '../model/display.js';
import { silenceMatchers, type Notice } from '../model/notice.js';
import type { ActPage } from './act-page.js';
import { matcherText } from './matcher.js';

/** What a link is about, as it stands now. */
export interface LinkState {
  notice: Notice;
  used: { by: string; atMs: number; outcome: string } | null;
  isOver: boolean;
  acknowledged: { by: string; atMs: number } | null;
}

const HOUR_MS = 3_600_000;
const SILENCES: readonly { value: string; label: string; ms: number }[] = [
  { value: '1h', label: 'Silence for 1 hour', ms: HOUR_MS },
  { value: '4h', label: 'Silence for 4 hours', ms: 4 * HOUR_MS },
  { value: '24h', label: 'Silence for a day', ms: 24 * HOUR_MS },
];
const MAX_SHOWN = 5;

/** The page that a link opens: what will happen and to what, or why nothing can be done with it any more. Nothing has been done yet. */
export function openedPage(action: LinkAction, state: LinkState, expiresAtMs: number): ActPage {
  const { notice, used, isOver, acknowledged } = state;
  const about = aboutLines(notice);
  if (used !== null) return usedPage(state);
  const until = `This link works once, until ${formatUtc(expiresAtMs)}.`;
  if (action === 'silence') {
    return {
      title: 'Silence this?',
      about: [...about, `matches ${silenceText(notice)}`],
      text: [
        'Nobody is told of alerts that match, also not of new ones, until the time is over. Ends of what was told are told.',
        until,
      ],
      form: { buttons: SILENCES.map(({ value, label }) => ({ value, label })) },
    };
  }
  if (action === 'feedback') {
    return {
      title: 'Was it worth telling?',
      about,
      text: [
        'Your word changes nothing by itself. When several say that a rule tells too much, a change is tried on the past and proposed.',
        until,
      ],
      form: {
        buttons: [
          { value: 'useful', label: 'Useful' },
          { value: 'noise', label: 'Noise' },
        ],
      },
    };
  }
  if (isOver) {
    const text = ['What this message told is over: there is nothing to acknowledge.'];
    return { title: 'It is over', about, text, form: null };
  }
  if (acknowledged !== null) {
    const text = [`${displayText(acknowledged.by)} acknowledged it at ${formatUtc(acknowledged.atMs)}.`];
    return { title: 'Acknowledged already', about, text, form: null };
  }
  return {
    title: 'Acknowledge this?',
    about,
    text: ['It is neither repeated nor escalated any more. What is new in it is told, and so is its end.', until],
    form: { buttons: [{ value: 'acknowledge', label: 'Acknowledge' }] },
  };
}

/** The page of a link that somebody has used, also a moment ago. */
export function usedPage({ notice, used }: Pick<LinkState, 'notice' | 'used'>): ActPage {
  const { by, atMs, outcome } = used!;
  const text = [`${displayText(outcome, 1_000)}.`, `By ${displayText(by)} at ${formatUtc(atMs)}.`];
  return { title: 'Done', about: aboutLines(notice), text, form: null };
}

export const EXPIRED_PAGE: ActPage = {
  title: 'This link has expired',
  about: [],
  text: ['Links in messages work for three days. A newer message about the same has newer ones.'],
  form: null,
};

export const UNKNOWN_PAGE: ActPage = {
  title: 'This link does not work',
  about: [],
  text: ['It is not one of this service, or not whole, or what it was about is gone. Open it from the message again.'],
  form: null,
};

export function failedPage(reason: string): ActPage {
  return { title: 'It could not be done', about: [], text: [displayText(reason, 500)], form: null };
}

/** How long a silence is to last that was chosen on its page; null: no such choice. */
export function silenceMs(choice: string): number | null {
  return SILENCES.find(({ value }) => value === choice)?.ms ?? null;
}

/** The matchers as one reads them. */
export function silenceText(notice: Notice): string {
  return displayText(silenceMatchers(notice).map(matcherText).join(', '), 1_000);
}

function aboutLines({ incident, alerts = [] }: Notice): string[] {
  const since = (iso: string) => `since ${formatUtc(Date.parse(iso))}`;
  if (incident !== null) {
    return [displayText(incident.title, 400), `${incident.severity}, ${since(incident.startedAt)}`];
  }
  const lines = alerts.slice(0, MAX_SHOWN).map(({ labels, startsAt }) => {
    const place = [labels['service'], labels['operation']].filter((each) => each !== undefined);
    const at = place.length === 0 ? '' : ` at ${place.map((each) => displayText(each, 120)).join(' / ')}`;
    return `${displayText(labels['alertname'] ?? 'alert', 120)}${at}, ${since(startsAt)}`;
  });
  return alerts.length > MAX_SHOWN ? [...lines, `and ${alerts.length - MAX_SHOWN} more`] : lines;
}
