import type { Channel } from '../model/channel.js';
import { classify, type ChannelSender, type Outcome } from './channel.js';
import { RECEIPT_BYTES, type Egress } from './egress.js';
import type { Message } from './message.js';
import { teamsPayload } from './teams-payload.js';

/** A Microsoft Teams workflow ("When a Teams webhook request is received"). It may say in a 200 which error it met further on. */
export class TeamsChannel implements ChannelSender<'teams'> {
  readonly type = 'teams';

  constructor(private readonly egress: Egress) {}

  async send(message: Message, channel: Channel<'teams'>): Promise<Outcome> {
    const answer = await this.egress.post(channel.url, {}, JSON.stringify(teamsPayload(message)), RECEIPT_BYTES);
    const outcome = classify(answer, Date.now());
    if (outcome.kind !== 'sent' || answer.status === null) return outcome;
    const inner = /HTTP error (\d{3})/.exec(answer.bodyStart)?.[1];
    return inner === undefined ? outcome : classify({ ...answer, status: Number(inner) }, Date.now());
  }
}
