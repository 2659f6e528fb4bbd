import type { Channel } from '../model/channel.js';
import { classify, type ChannelSender, type Outcome } from './channel.js';
import { RECEIPT_BYTES, type Egress } from './egress.js';
import type { Message } from './message.js';
import { slackPayload } from './slack-payload.js';

/** A Slack incoming webhook. Slack's receipt is the body `ok`; a 200 with any other body says what it did not like. */
export class SlackChannel implements ChannelSender<'slack'> {
  readonly type = 'slack';

  constructor(private readonly egress: Egress) {}

  async send(message: Message, channel: Channel<'slack'>): Promise<Outcome> {
    const answer = await this.egress.post(channel.url, {}, JSON.stringify(slackPayload(message)), RECEIPT_BYTES);
    const outcome = classify(answer, Date.now());
    if (answer.status === null || outcome.kind === 'retry') return outcome;
    const said = answer.bodyStart.trim();
    if (outcome.kind === 'sent') {
      if (said === 'ok') return outcome;
      return {
        kind: 'failed',
        status: answer.status,
        reason: `the receiver answered ${answer.status} without "ok"${slug(said)}`,
      };
    }
    return { ...outcome, reason: `${outcome.reason}${slug(said)}` };
  }
}

/** Slack names errors in short words (`invalid_blocks`, `no_service`); any other body stays out of the delivery log. */
function slug(said: string): string {
  return /^[a-z][a-z_]{1,60}$/.test(said) ? `: ${said}` : '';
}
