import type { Channel } from '../model/channel.js';
import { classify, type ChannelSender, type Outcome } from './channel.js';
import type { Egress } from './egress.js';
import type { Message } from './message.js';
import { opsgenieRequest } from './opsgenie-payload.js';

/** Opsgenie's alert API (also Jira Service Management's). 202 is the receipt; it deduplicates by alias. */
export class OpsgenieChannel implements ChannelSender<'opsgenie'> {
  readonly type = 'opsgenie';

  constructor(private readonly egress: Egress) {}

  async send(message: Message, channel: Channel<'opsgenie'>): Promise<Outcome> {
    const { path, body } = opsgenieRequest(message);
    const headers = { authorization: `GenieKey ${channel.settings.apiKey}` };
    const url = `${channel.url.replace(/\/+$/, '')}${path}`;
    return classify(await this.egress.post(url, headers, JSON.stringify(body)), Date.now());
  }
}
