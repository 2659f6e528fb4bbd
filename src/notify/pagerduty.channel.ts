import type { Channel } from '../model/channel.js';
import { classify, type ChannelSender, type Outcome } from './channel.js';
import type { Egress } from './egress.js';
import type { Message } from './message.js';
import { pagerDutyEvent } from './pagerduty-payload.js';

/** PagerDuty Events API v2. 202 is the receipt; it deduplicates by `dedup_key`, so that a repeated event changes nothing. */
export class PagerDutyChannel implements ChannelSender<'pagerduty'> {
  readonly type = 'pagerduty';

  constructor(private readonly egress: Egress) {}

  async send(message: Message, channel: Channel<'pagerduty'>): Promise<Outcome> {
    const body = JSON.stringify(pagerDutyEvent(message, channel.settings.routingKey));
    return classify(await this.egress.post(channel.url, {}, body), Date.now());
  }
}
