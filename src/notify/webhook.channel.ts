import { Webhook } from 'standardwebhooks';
import type { Channel } from '../model/channel.js';
import { renderTemplate } from './body-template.js';
import { classify, type ChannelSender, type Outcome } from './channel.js';
import type { Egress } from './egress.js';
import type { Message } from './message.js';
import { webhookPayload } from './webhook-payload.js';

/** A generic receiver: Standard Webhooks 1.0.0, signed with every valid secret. A 2xx status line is the receipt, whatever follows it. */
export class WebhookChannel implements ChannelSender<'webhook'> {
  readonly type = 'webhook';

  constructor(private readonly egress: Egress) {}

  async send(message: Message, channel: Channel<'webhook'>): Promise<Outcome> {
    const { headers: custom, template } = channel.settings;
    const body = template === null ? webhookPayload(message) : renderTemplate(template, message);
    const at = new Date();
    const headers = {
      ...custom,
      'webhook-id': message.id,
      'webhook-timestamp': String(Math.floor(at.getTime() / 1000)),
      'webhook-signature': channel.signingSecrets
        .map((secret) => new Webhook(secret).sign(message.id, at, body))
        .join(' '),
    };
    return classify(await this.egress.post(channel.url, headers, body), Date.now());
  }
}
