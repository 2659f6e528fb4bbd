import type { Channel, ChannelType } from '../model/channel.js';
import type { ChannelSender, Outcome } from './channel.js';
import type { Message } from './message.js';

/** The sender of each kind of channel; a new kind is one entry more. */
export class Senders {
  constructor(private readonly byType: Record<ChannelType, ChannelSender>) {}

  send(message: Message, channel: Channel): Promise<Outcome> {
    return this.byType[channel.type].send(message, channel);
  }
}
