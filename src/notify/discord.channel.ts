import { FormData } from 'undici';
import type { Channel } from '../model/channel.js';
import { classify, type ChannelSender, type Outcome } from './channel.js';
import { discordPayload } from './discord-payload.js';
import type { Egress } from './egress.js';
import type { Message } from './message.js';
import { chartPng } from './picture.js';

const PICTURE = 'chart.png';

/** A Discord webhook; the picture goes with it as an attachment. */
export class DiscordChannel implements ChannelSender<'discord'> {
  readonly type = 'discord';

  constructor(private readonly egress: Egress) {}

  async send(message: Message, channel: Channel<'discord'>): Promise<Outcome> {
    const picture = chartPng(message.notice.chart);
    const payload = JSON.stringify(discordPayload(message, picture === null ? null : PICTURE));
    if (picture === null) return classify(await this.egress.post(channel.url, {}, payload), Date.now());
    const form = new FormData();
    form.append('payload_json', payload);
    form.append('files[0]', new Blob([new Uint8Array(picture)], { type: 'image/png' }), PICTURE);
    return classify(await this.egress.post(channel.url, {}, form), Date.now());
  }
}
