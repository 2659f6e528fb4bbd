import { displayText, formatUtc } from '../model/display.js';
import type { Notice } from '../model/notice.js';

/** What another channel is told of one that fails. */
export function failingNotice(
  failing: { id: string; name: string; type: string; failingSince: Date; lastError: string },
  at: Date,
): Notice {
  return {
    type: 'channel.failing',
    timestamp: at.toISOString(),
    reason: failing.lastError,
    incident: null,
    statement: {
      title: `${displayText(failing.name, 100)} (${failing.type}) takes no messages`,
      lines: [
        `since ${formatUtc(failing.failingSince.getTime())}`,
        `last error: ${failing.lastError}`,
        'what could not be sent is kept: repair the channel, then replay its failed messages',
      ],
      path: `/api/v1/channels/${failing.id}`,
    },
  };
}
