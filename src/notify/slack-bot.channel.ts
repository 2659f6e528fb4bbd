import type { Channel, ThreadReference } from '../model/channel.js';
import { classify, type ChannelSender, type Outcome } from './channel.js';
import type { Egress } from './egress.js';
import type { Message } from './message.js';
import { chartPng } from './picture.js';
import { slackPayload } from './slack-payload.js';

const ANSWER_BYTES = 65_536;
/** Errors of Slack's own that pass; what else it says of a call stays so. */
const PASSING: ReadonlySet<string> = new Set([
  'ratelimited',
  'rate_limited',
  'internal_error',
  'fatal_error',
  'service_unavailable',
  'request_timeout',
  'team_added_to_org',
]);

interface SlackAnswer {
  ok: boolean;
  error?: string;
  ts?: string;
  channel?: string;
  upload_url?: string;
  file_id?: string;
}

/**
 * A Slack app's bot: the first message of a group stands in the channel, later ones in its thread, and the first one is brought up to date.
 * Slack answers 200 with `ok: false` when it did not do it.
 */
export class SlackBotChannel implements ChannelSender<'slack_bot'> {
  readonly type = 'slack_bot';

  constructor(private readonly egress: Egress) {}

  async send(message: Message, channel: Channel<'slack_bot'>, thread: ThreadReference | null): Promise<Outcome> {
    const { text, blocks } = slackPayload(message);
    const said = { text, blocks, unfurl_links: false, unfurl_media: false };
    if (thread !== null) {
      // First what may be repeated without harm: an update that was made twice is one.
      const updated = await this.call(channel, 'chat.update', { ...said, channel: thread.channel, ts: thread.message });
      if (updated.outcome.kind === 'retry') return updated.outcome;
    }
    const { outcome, answer } = await this.call(channel, 'chat.postMessage', {
      ...said,
      channel: thread?.channel ?? channel.settings.channel,
      ...(thread !== null && { thread_ts: thread.message }),
    });
    if (outcome.kind !== 'sent' || answer?.ts === undefined || answer.channel === undefined) return outcome;
    const first = thread ?? { channel: answer.channel, message: answer.ts };
    await this.addPicture(message, channel, first);
    return { ...outcome, thread: first };
  }

  /** Adds the chart to the thread. The message has been told by now: what goes wrong here does not make it be told again. */
  private async addPicture(message: Message, channel: Channel<'slack_bot'>, thread: ThreadReference): Promise<void> {
    const picture = chartPng(message.notice.chart);
    if (picture === null) return;
    const form = new URLSearchParams({ filename: 'chart.png', length: String(picture.length) });
    const { answer } = await this.call(channel, 'files.getUploadURLExternal', form);
    if (answer?.upload_url === undefined || answer.file_id === undefined) return;
    const uploaded = await this.egress.post(answer.upload_url, { 'content-type': 'image/png' }, picture);
    if (uploaded.status !== 200) return;
    await this.call(channel, 'files.completeUploadExternal', {
      files: [{ id: answer.file_id, title: 'chart.png' }],
      channel_id: thread.channel,
      thread_ts: thread.message,
    });
  }

  private async call(
    channel: Channel<'slack_bot'>,
    method: string,
    body: object,
  ): Promise<{ outcome: Outcome; answer?: SlackAnswer }> {
    const isForm = body instanceof URLSearchParams;
    const answer = await this.egress.post(
      `${channel.url.replace(/\/+$/, '')}/${method}`,
      {
        authorization: `Bearer ${channel.settings.token}`,
        'content-type': isForm ? 'application/x-www-form-urlencoded' : 'application/json; charset=utf-8',
      },
      isForm ? body.toString() : JSON.stringify(body),
      ANSWER_BYTES,
    );
    const outcome = classify(answer, Date.now());
    if (answer.status === null || outcome.kind !== 'sent') return { outcome };
    const said = parse(answer.bodyStart);
    if (said?.ok === true) return { outcome, answer: said };
    const error = /^[a-z][a-z_]{1,60}$/.exec(said?.error ?? '')?.[0] ?? 'an answer that cannot be read';
    const reason = `Slack refused ${method}: ${error}`;
    return { outcome: { kind: PASSING.has(error) ? 'retry' : 'failed', status: answer.status, reason } };
  }
}

function parse(text: string): SlackAnswer | null {
  try {
    return JSON.parse(text) as SlackAnswer;
  } catch {
    return null;
  }
}
