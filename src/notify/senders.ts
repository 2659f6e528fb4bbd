import type { Channel, ChannelType, ThreadReference } from '../model/channel.js';
import { AlertmanagerChannel } from './alertmanager.channel.js';
import { AlertmanagerWebhookChannel } from './alertmanager-webhook.channel.js';
import type { ChannelSender, Outcome } from './channel.js';
import { DiscordChannel } from './discord.channel.js';
import type { Egress } from './egress.js';
import { EmailChannel } from './email.channel.js';
import { GoogleChatChannel } from './google-chat.channel.js';
import type { Message } from './message.js';
import { OpsgenieChannel } from './opsgenie.channel.js';
import { PagerDutyChannel } from './pagerduty.channel.js';
import { SlackBotChannel } from './slack-bot.channel.js';
import { SlackChannel } from './slack.channel.js';
import { TeamsChannel } from './teams.channel.js';
import { WebhookChannel } from './webhook.channel.js';

/** The sender of each kind of channel; a new kind is one entry more. */
export class Senders {
  private readonly byType: { [T in ChannelType]: ChannelSender<T> };

  constructor(egress: Egress, publicUrl: string) {
    this.byType = {
      webhook: new WebhookChannel(egress),
      slack: new SlackChannel(egress),
      slack_bot: new SlackBotChannel(egress),
      pagerduty: new PagerDutyChannel(egress),
      teams: new TeamsChannel(egress),
      discord: new DiscordChannel(egress),
      google_chat: new GoogleChatChannel(egress),
      opsgenie: new OpsgenieChannel(egress),
      email: new EmailChannel(egress),
      alertmanager: new AlertmanagerChannel(egress),
      alertmanager_webhook: new AlertmanagerWebhookChannel(egress, publicUrl),
    };
  }

  send<T extends ChannelType>(message: Message, channel: Channel<T>, thread: ThreadReference | null): Promise<Outcome> {
    const sender: ChannelSender<T> = this.byType[channel.type];
    return sender.send(message, channel, thread);
  }
}
