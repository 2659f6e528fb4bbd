import type { Channel } from '../model/channel.js';
import { postableAlerts } from './alertmanager-payload.js';
import { classify, type ChannelSender, type Outcome } from './channel.js';
import type { Egress } from './egress.js';
import type { Message } from './message.js';

/** A Prometheus Alertmanager: alerts go to its API as from Prometheus, and are sent again while they fire. */
export class AlertmanagerChannel implements ChannelSender<'alertmanager'> {
  readonly type = 'alertmanager';

  constructor(private readonly egress: Egress) {}

  async send(message: Message, channel: Channel<'alertmanager'>): Promise<Outcome> {
    const nowMs = Date.now();
    const url = new URL(channel.url);
    url.pathname = `${url.pathname.replace(/\/+$/, '')}/api/v2/alerts`;
    const body = JSON.stringify(postableAlerts(message, nowMs));
    return classify(await this.egress.post(url.href, channel.settings.headers, body), nowMs);
  }
}
