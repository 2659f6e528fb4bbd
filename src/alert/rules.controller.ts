import { createHash } from 'node:crypto';
import { Body, Controller, Delete, Get, Headers, HttpCode, Param, Patch, Post, Put, Query, Res } from '@nestjs/common';
import {
  ApiConsumes,
  ApiCreatedResponse,
  ApiHeader,
  ApiNoContentResponse,
  ApiOkResponse,
  ApiOperation,
  ApiResponse,
  ApiTags,
} from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { RequireScope, Tenant } from '../access/access.guard.js';
import { encodeCursor } from '../list-cursor.js';
import { errorAnswer, NOT_FOUND } from '../error-answer.js';
import { Rejected } from '../model/failure.js';
import type { RuleValues, StoredRule } from '../model/rule.js';
import { ChannelStore } from '../store/channel.store.js';
import { RuleStore } from '../store/rule.store.js';
import { meansOther } from './epoch.js';
import {
  checkedRule,
  mergePatch,
  RuleInput,
  RuleList,
  RulePatch,
  RulePath,
  RuleQuery,
  ruleValues,
  RuleView,
  ruleView,
} from './rules-contract.js';

const CONFLICT = errorAnswer(409, 'Another rule has that name, or it is one of the rules file (`managed_by_file`).');
const UNUSABLE = errorAnswer(422, '`channelIds` names a channel that is not there, or there are too many rules.');
const CHANGED = errorAnswer(412, 'The rule is not the one of `If-Match` any more.');
const IF_MATCH = { name: 'if-match', required: false, description: 'The ETag of the rule as it was read.' };
const ETAG = { etag: { description: 'Changes with the rule.', schema: { type: 'string' } } } as const;

@ApiTags('alerts')
@Controller('api/v1/rules')
export class RulesController {
  constructor(
    private readonly rules: RuleStore,
    private readonly channels: ChannelStore,
  ) {}

  @Get()
  @RequireScope('read')
  @ApiOperation({
    summary: 'Alert rules',
    description:
      'Every tenant begins with the rule `default`: every service, severity warning and above, every channel. Change, disable or delete ' +
      'it like any other; deleted, it does not come back.',
  })
  @ApiOkResponse({
    standardSchema: RuleList,
    description: 'A page of rules, oldest first; without `limit` all of them.',
  })
  async list(@Tenant() tenantId: number, @Query({ schema: RuleQuery }) query: RuleQuery): Promise<RuleList> {
    const found = await this.rules.page(tenantId, query.limit + 1, query.cursor, query);
    const shown = found.slice(0, query.limit);
    const last = shown.at(-1);
    return {
      rules: shown.map(({ rule }) => ruleView(rule)),
      nextCursor: last && found.length > shown.length ? encodeCursor({ ...last.place }) : null,
    };
  }

  @Get(':id')
  @ApiResponse(NOT_FOUND)
  @RequireScope('read')
  @ApiOperation({ summary: 'One alert rule' })
  @ApiOkResponse({ standardSchema: RuleView, description: 'The rule.', headers: ETAG })
  async get(
    @Tenant() tenantId: number,
    @Param({ schema: RulePath }) { id }: RulePath,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<RuleView> {
    return shown(await this.rules.get(tenantId, id), reply);
  }

  @Post()
  @ApiResponse(CONFLICT)
  @ApiResponse(UNUSABLE)
  @RequireScope('admin')
  @ApiHeader({
    name: 'idempotency-key',
    required: false,
    description:
      'A request that is repeated with it within a day makes nothing anew and is given the rule of the first one.',
  })
  @ApiOperation({ summary: 'Adds an alert rule' })
  @ApiCreatedResponse({ standardSchema: RuleView, description: 'The rule.', headers: ETAG })
  async create(
    @Tenant() tenantId: number,
    @Body({ schema: RuleInput }) input: RuleInput,
    @Headers('idempotency-key') key: string | undefined,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<RuleView> {
    const values = await this.checked(tenantId, ruleValues(input));
    return shown(await this.rules.create(tenantId, values, onceOf(key, values)), reply);
  }

  @Put(':id')
  @ApiResponse(CONFLICT)
  @ApiResponse(UNUSABLE)
  @ApiResponse(NOT_FOUND)
  @ApiResponse(CHANGED)
  @ApiHeader(IF_MATCH)
  @RequireScope('admin')
  @ApiOperation({ summary: 'Replaces an alert rule' })
  @ApiOkResponse({ standardSchema: RuleView, description: 'The rule as it is now.', headers: ETAG })
  async replace(
    @Tenant() tenantId: number,
    @Param({ schema: RulePath }) { id }: RulePath,
    @Body({ schema: RuleInput }) input: RuleInput,
    @Headers('if-match') ifMatch: string | undefined,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<RuleView> {
    const values = await this.checked(tenantId, ruleValues(input));
    const rule = await this.rules.replace(tenantId, id, (before) => {
      refuseStale(ifMatch, before);
      return { values, isOther: meansOther(before, values) };
    });
    return shown(rule, reply);
  }

  @Patch(':id')
  @ApiResponse(CONFLICT)
  @ApiResponse(UNUSABLE)
  @ApiResponse(NOT_FOUND)
  @ApiResponse(CHANGED)
  @ApiHeader(IF_MATCH)
  @RequireScope('admin')
  @ApiConsumes('application/merge-patch+json', 'application/json')
  @ApiOperation({ summary: 'Changes some fields of an alert rule', description: 'A JSON merge patch (RFC 7396).' })
  @ApiOkResponse({ standardSchema: RuleView, description: 'The rule as it is now.', headers: ETAG })
  async patch(
    @Tenant() tenantId: number,
    @Param({ schema: RulePath }) { id }: RulePath,
    @Body({ schema: RulePatch }) patch: RulePatch,
    @Headers('if-match') ifMatch: string | undefined,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<RuleView> {
    if ('channelIds' in patch && Array.isArray(patch['channelIds'])) {
      const { channelIds } = checkedRule({ name: 'x', services: ['*'], channelIds: patch['channelIds'] });
      await this.channelsOf(tenantId, channelIds);
    }
    const rule = await this.rules.replace(tenantId, id, (before) => {
      refuseStale(ifMatch, before);
      const { id: _id, source: _source, ...written } = ruleView(before);
      const values = checkedRule(mergePatch(written, patch));
      return { values, isOther: meansOther(before, values) };
    });
    return shown(rule, reply);
  }

  @Delete(':id')
  @ApiResponse(errorAnswer(409, 'It is one of the rules file (`managed_by_file`).'))
  @ApiResponse(NOT_FOUND)
  @ApiResponse(CHANGED)
  @ApiHeader(IF_MATCH)
  @RequireScope('admin')
  @HttpCode(204)
  @ApiOperation({ summary: 'Deletes an alert rule' })
  @ApiNoContentResponse({
    description:
      'It is gone. What it told of is ended: alerts of an open incident when that ends, others with the next window.',
  })
  async delete(
    @Tenant() tenantId: number,
    @Param({ schema: RulePath }) { id }: RulePath,
    @Headers('if-match') ifMatch: string | undefined,
  ): Promise<void> {
    await this.rules.delete(tenantId, id, (before) => refuseStale(ifMatch, before));
  }

  private async checked(tenantId: number, values: RuleValues): Promise<RuleValues> {
    return { ...values, channelIds: await this.channelsOf(tenantId, values.channelIds) };
  }

  private async channelsOf(tenantId: number, named: string[] | null): Promise<string[] | null> {
    if (named === null) return null;
    const channelIds = [...new Set(named.map((id) => id.toLowerCase()))];
    const unknown = await this.channels.unknownIds(tenantId, channelIds);
    if (unknown.length > 0) {
      throw new Rejected('unknown_channel', `there is no channel ${unknown.join(', ')}`, 422, 'channelIds');
    }
    return channelIds;
  }
}

function shown(rule: StoredRule, reply: FastifyReply): RuleView {
  reply.header('etag', etagOf(rule));
  return ruleView(rule);
}

function etagOf(rule: StoredRule): string {
  return `"${createHash('sha256')
    .update(canonical(ruleView(rule)))
    .digest('base64url')
    .slice(0, 22)}"`;
}

/** The same text for the same value, in whatever order its fields stand. */
function canonical(value: unknown): string {
  return JSON.stringify(value, (_key, part: unknown) =>
    typeof part === 'object' && part !== null && !Array.isArray(part)
      ? Object.fromEntries(Object.entries(part).sort(([a], [b]) => (a < b ? -1 : 1)))
      : part,
  );
}

/** If-Match of RFC 9110: a list of strong tags, or * for any rule that is there. */
function refuseStale(ifMatch: string | undefined, rule: StoredRule): void {
  if (ifMatch === undefined) return;
  const tags = ifMatch.split(',').map((tag) => tag.trim());
  if (tags.includes('*') || tags.includes(etagOf(rule))) return;
  throw new Rejected('changed', 'the rule has been changed since it was read; read it again', 412, 'if-match');
}

function onceOf(key: string | undefined, values: RuleValues): { key: string; hash: Buffer } | undefined {
  if (key === undefined) return undefined;
  if (!/^[\x21-\x7e]{1,255}$/.test(key)) {
    const message = 'Idempotency-Key must be 1 to 255 visible ASCII characters';
    throw new Rejected('invalid_input', message, 400, 'idempotency-key');
  }
  return { key, hash: createHash('sha256').update(canonical(values)).digest() };
}
