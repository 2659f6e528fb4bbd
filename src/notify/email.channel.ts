import { createTransport } from 'nodemailer';
import type { Channel } from '../model/channel.js';
import type { ChannelSender, Outcome } from './channel.js';
import type { Egress } from './egress.js';
import { email, PICTURE_CID } from './email-payload.js';
import type { Message } from './message.js';
import { chartPng } from './picture.js';

/** `originalCode`: what the socket said, where `code` only says that it was the socket. */
type SmtpError = { responseCode?: number; code?: string; originalCode?: string };

/** A mail server, over a connection whose address was checked. A reply of 4xx is tried again, one of 5xx is not. */
export class EmailChannel implements ChannelSender<'email'> {
  readonly type = 'email';

  constructor(private readonly egress: Egress) {}

  async send(message: Message, { settings }: Channel<'email'>): Promise<Outcome> {
    const { host, port, security, user, password, from, to } = settings;
    const picture = chartPng(message.notice.chart);
    const domain = from.slice(from.lastIndexOf('@') + 1);
    const { headers, ...mail } = email(message, domain, picture !== null);
    let connection;
    try {
      connection = await this.egress.connect(host, port);
    } catch (error) {
      const { reason, permanent } = this.egress.explain(error);
      return { kind: permanent ? 'failed' : 'retry', status: null, reason };
    }
    const timeoutMs = this.egress.timeoutMs;
    // However the server draws it out, an attempt ends.
    const deadline = setTimeout(() => connection.destroy(new Error('deadline')), 2 * timeoutMs);
    const transport = createTransport({
      host,
      port,
      connection,
      secure: security === 'implicit',
      requireTLS: security === 'starttls',
      ignoreTLS: security === 'none',
      ...(user !== null && { auth: { user, pass: password ?? '' } }),
      connectionTimeout: timeoutMs,
      greetingTimeout: timeoutMs,
      socketTimeout: timeoutMs,
      disableFileAccess: true,
      disableUrlAccess: true,
    });
    try {
      const receipt = await transport.sendMail({
        ...mail,
        headers,
        from,
        to,
        inReplyTo: mail.references,
        date: new Date(),
        attachments:
          picture === null
            ? []
            : [{ filename: 'chart.png', content: picture, contentType: 'image/png', cid: PICTURE_CID }],
      });
      const refused = receipt.rejected?.length ?? 0;
      const note = `${refused} of ${to.length} recipients were refused`;
      return { kind: 'sent', status: replyCode(receipt.response) ?? 250, ...(refused > 0 && { note }) };
    } catch (error) {
      return this.toOutcome(error);
    } finally {
      clearTimeout(deadline);
      transport.close();
      connection.destroy();
    }
  }

  /** The text of a server's reply stays out: it may repeat what it was sent. */
  private toOutcome(error: unknown): Outcome {
    const { responseCode, code, originalCode } = error as SmtpError;
    if (responseCode !== undefined) {
      const kind = responseCode >= 500 ? 'failed' : 'retry';
      return { kind, status: responseCode, reason: `the mail server answered ${responseCode} (${code ?? 'SMTP'})` };
    }
    if (code === 'ETLS') return { kind: 'failed', status: null, reason: 'the mail server does not offer STARTTLS' };
    return { kind: 'retry', status: null, reason: this.egress.explain({ code: originalCode ?? code }).reason };
  }
}

function replyCode(response: string | undefined): number | undefined {
  const code = /^\d{3}/.exec(response ?? '')?.[0];
  return code === undefined ? undefined : Number(code);
}
