import type { ChannelType } from '../model/channel.js';
import type { Notice } from '../model/notice.js';
import { composeMessage } from './message.js';

/** A notification waits no longer than this, be it behind an open circuit: half a day more than its attempts take. */
export const MAX_AGE_S = 36 * 3_600;
/** A channel that has taken nothing for so long is reported through another. */
export const REPORT_AFTER_S = 900;
/** The time over which a channel's rate is held. */
export const RATE_WINDOW_S = 60;

const OPEN_AFTER = 5;
const OPEN_FIRST_S = 15;
const OPEN_MOST_S = 300;

/**
 * For how long nothing is sent to an endpoint that met trouble so many times in a row, before one message may try again; null while the
 * circuit stays closed. 15 s after the fifth, doubled each time, at most 5 min: a receiver that is back hears of it soon.
 */
export function openForS(failuresInRow: number): number | null {
  if (failuresInRow < OPEN_AFTER) return null;
  return Math.min(OPEN_MOST_S, OPEN_FIRST_S * 2 ** (failuresInRow - OPEN_AFTER));
}

/**
 * Messages a minute, and what happens beyond: people get one digest of all that waits, programs get each message later. Below the
 * receivers' own limits (Slack one a second, Google Chat 60 a minute for a whole space, Discord 30 a minute), since others use them too.
 */
export const RATES: Readonly<Record<ChannelType, { perMinute: number; beyond: 'digest' | 'later' }>> = {
  webhook: { perMinute: 300, beyond: 'later' },
  slack: { perMinute: 30, beyond: 'digest' },
  slack_bot: { perMinute: 20, beyond: 'digest' },
  pagerduty: { perMinute: 100, beyond: 'later' },
  teams: { perMinute: 30, beyond: 'digest' },
  discord: { perMinute: 20, beyond: 'digest' },
  google_chat: { perMinute: 20, beyond: 'digest' },
  opsgenie: { perMinute: 60, beyond: 'later' },
  email: { perMinute: 10, beyond: 'digest' },
  alertmanager: { perMinute: 600, beyond: 'later' },
  alertmanager_webhook: { perMinute: 300, beyond: 'later' },
};

const MAX_LINES = 50;

/** One message in place of many: the titles of the newest, in their order, and how many there are in all. `notices` are the oldest first. */
export function digestNotice(notices: readonly Notice[], total: number, perMinute: number): Notice {
  const titles = notices.map((notice) => composeMessage('', notice, '').title);
  const left = total - Math.min(MAX_LINES, titles.length);
  const last = notices.at(-1);
  return {
    type: 'alert.digest',
    timestamp: last?.timestamp ?? new Date(0).toISOString(),
    reason: `more than ${perMinute} messages a minute`,
    incident: null,
    statement: {
      title: `${total} messages in one, since this channel takes ${perMinute} a minute`,
      lines: [...(left > 0 ? [`${left} more, before these`] : []), ...titles.slice(-MAX_LINES)],
      path: '/api/v1/notifications?state=digested',
    },
  };
}
