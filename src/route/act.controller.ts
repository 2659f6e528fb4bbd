import { Body, Controller, Get, Inject, Param, Post, Res } from '@nestjs/common';
import { ApiExcludeController } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { OpenToAll } from '../access/access.guard.js';
import { ActionLinks } from '../access/action-links.js';
import { sendPage } from '../access/page-reply.js';
import type { LinkClaim } from '../model/action-link.js';
import { formatUtc } from '../model/display.js';
import { Rejected } from '../model/failure.js';
import { silenceMatchers } from '../model/notice.js';
import { Bell } from '../queue/bell.js';
import { ActionLinkStore, type LinkTarget } from '../store/action-link.store.js';
import { DatabaseClock } from '../store/database-clock.store.js';
import { ActForm, TokenPath } from './act-contract.js';
import { actPageHtml, type ActPage } from './act-page.js';
import { EXPIRED_PAGE, failedPage, openedPage, silenceMs, silenceText, UNKNOWN_PAGE, usedPage } from './act.js';

const GONE = 410;

/**
 * Pages behind the links in messages. The link is the permission: no key is asked for. Looking at a page (as previews of links do)
 * changes nothing; pressing its button posts to the same address and does it, once.
 */
@ApiExcludeController()
@Controller('act')
export class ActController {
  constructor(
    private readonly links: ActionLinks,
    private readonly store: ActionLinkStore,
    private readonly clock: DatabaseClock,
    @Inject(Bell) private readonly bell: Pick<Bell, 'ring'>,
  ) {}

  @Get(':token')
  @OpenToAll()
  async open(@Param({ schema: TokenPath }) { token }: TokenPath, @Res() reply: FastifyReply): Promise<void> {
    const found = await this.find(token);
    if ('page' in found) return send(reply, found.status, found.page);
    const { claim, target } = found;
    send(reply, 200, openedPage(claim.action, target, claim.expiresAtMs));
  }

  @Post(':token')
  @OpenToAll()
  async act(
    @Param({ schema: TokenPath }) { token }: TokenPath,
    @Body({ schema: ActForm }) form: ActForm,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const found = await this.find(token);
    if ('page' in found) return send(reply, found.status, found.page);
    const { claim, target } = found;
    const opened = openedPage(claim.action, target, claim.expiresAtMs);
    // Used, over, or acknowledged by now, or a choice that the page does not have: it says so.
    if (opened.form?.buttons.every(({ value }) => value !== form.choice) !== false) {
      return send(reply, opened.form === null ? 409 : 400, opened);
    }
    try {
      await this.perform(claim, target, form);
    } catch (error) {
      if (!(error instanceof Rejected)) throw error;
      return send(reply, error.status, failedPage(error.message));
    }
    await this.bell.ring(claim.action === 'feedback' ? 'propose' : 'route', claim.tenantId);
    const after = await this.store.target(claim);
    send(reply, 200, after === null ? UNKNOWN_PAGE : usedPage(after));
  }

  private async perform(claim: LinkClaim, { notice, channel }: LinkTarget, { by, choice }: ActForm): Promise<void> {
    const use = { by, channelId: channel?.id ?? null };
    if (claim.action === 'acknowledge') {
      await this.store.acknowledge(claim, { ...use, outcome: 'It is acknowledged' });
      return;
    }
    if (claim.action === 'feedback') {
      const verdict = choice === 'noise' ? 'noise' : 'useful';
      const outcome = `It is noted as ${verdict}`;
      await this.store.feedback(claim, { ...use, outcome }, { verdict, alerts: notice.alerts ?? [] });
      return;
    }
    const nowMs = await this.clock.nowMs();
    const endsAtMs = nowMs + silenceMs(choice)!;
    const outcome = `Whatever matches ${silenceText(notice)} is silenced until ${formatUtc(endsAtMs)}`;
    const comment = `by a link in a message to ${channel === null ? 'a channel that was deleted' : channel.name}`;
    const matchers = silenceMatchers(notice);
    await this.store.silence(claim, { ...use, outcome }, { matchers, comment, nowMs, endsAtMs });
  }

  private async find(
    token: string,
  ): Promise<{ claim: LinkClaim; target: LinkTarget } | { status: number; page: ActPage }> {
    const claim = await this.links.read(token, Date.now());
    if (claim === 'expired') return { status: GONE, page: EXPIRED_PAGE };
    const target = claim === 'unknown' ? null : await this.store.target(claim);
    if (claim === 'unknown' || target === null) return { status: 404, page: UNKNOWN_PAGE };
    return { claim, target };
  }
}

function send(reply: FastifyReply, status: number, page: ActPage): void {
  sendPage(reply, status, actPageHtml(page));
}
