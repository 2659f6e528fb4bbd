import type { Channel } from '../model/channel.js';
import { alertmanagerWebhook } from './alertmanager-payload.js';
import { classify, type ChannelSender, type Outcome } from './channel.js';
import type { Egress } from './egress.js';
import type { Message } from './message.js';

/** A receiver of Alertmanager's webhooks, version 4. */
export class AlertmanagerWebhookChannel implements ChannelSender<'alertmanager_webhook'> {
  readonly type = 'alertmanager_webhook';

  constructor(
    private readonly egress: Egress,
    private readonly publicUrl: string,
  ) {}

  async send(message: Message, channel: Channel<'alertmanager_webhook'>): Promise<Outcome> {
    const body = JSON.stringify(alertmanagerWebhook(message, channel.name, this.publicUrl));
    const headers = { 'webhook-id': message.id, ...channel.settings.headers };
    return classify(await this.egress.post(channel.url, headers, body), Date.now());
  }
}
