import type { Channel } from '../model/channel.js';
import { classify, type ChannelSender, type Outcome } from './channel.js';
import type { Egress } from './egress.js';
import { googleChatPayload } from './google-chat-payload.js';
import type { Message } from './message.js';

/** A Google Chat incoming webhook; messages of one group stand in one thread. */
export class GoogleChatChannel implements ChannelSender<'google_chat'> {
  readonly type = 'google_chat';

  constructor(private readonly egress: Egress) {}

  async send(message: Message, channel: Channel<'google_chat'>): Promise<Outcome> {
    const url = new URL(channel.url);
    url.searchParams.set('messageReplyOption', 'REPLY_MESSAGE_FALLBACK_TO_NEW_THREAD');
    return classify(await this.egress.post(url.href, {}, JSON.stringify(googleChatPayload(message))), Date.now());
  }
}
