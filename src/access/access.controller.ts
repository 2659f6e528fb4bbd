import { Body, Controller, Delete, Get, HttpCode, Param, Post, Query } from '@nestjs/common';
import {
  ApiCreatedResponse,
  ApiNoContentResponse,
  ApiOkResponse,
  ApiOperation,
  ApiResponse,
  ApiTags,
} from '@nestjs/swagger';
import { errorAnswer, NOT_FOUND } from '../error-answer.js';
import { Rejected } from '../model/failure.js';
import { KeyStore } from '../store/key.store.js';
import { DEFAULT_TENANT_ID, TenantStore } from '../store/tenant.store.js';
import { CallerOf, RequireScope } from './access.guard.js';
import { AccessService, type Caller } from './access.service.js';
import {
  KeyInput,
  KeyList,
  KeyPath,
  KeyQuery,
  keyView,
  NewKeyView,
  TenantInput,
  TenantList,
  TenantView,
  tenantView,
} from './contract.js';

const CONFLICT = errorAnswer(409, 'Another tenant has that name.');
const NO_TENANT = errorAnswer(404, 'There is no tenant of that `tenantId`.');
const UNUSABLE = errorAnswer(422, 'The first key must have scope admin; `expiresAt` must be ahead.');

/** Tenants; for admins of tenant `default` only. */
@ApiTags('access')
@RequireScope('admin')
@Controller('api/v1/tenants')
export class TenantsController {
  constructor(private readonly tenants: TenantStore) {}

  @Get()
  @ApiOperation({ summary: 'Tenants', description: 'For admins of tenant `default`.' })
  @ApiOkResponse({ standardSchema: TenantList, description: 'All tenants, oldest first.' })
  async list(@CallerOf() caller: Caller): Promise<TenantList> {
    requireDefaultTenant(caller);
    return { tenants: (await this.tenants.list()).map(tenantView) };
  }

  @Get('current')
  @RequireScope('read')
  @ApiOperation({ summary: 'The tenant of the caller', description: 'That of the API key; without keys, `default`.' })
  @ApiOkResponse({ standardSchema: TenantView, description: 'The tenant.' })
  async current(@CallerOf() { tenantId }: Caller): Promise<TenantView> {
    const tenant = await this.tenants.find(tenantId);
    if (tenant === null) throw new Rejected('unknown_tenant', `there is no tenant ${tenantId}`, 404);
    return tenantView(tenant);
  }

  @Post()
  @ApiResponse(CONFLICT)
  @ApiOperation({ summary: 'Adds a tenant', description: 'For admins of tenant `default`.' })
  @ApiCreatedResponse({ standardSchema: TenantView, description: 'The tenant.' })
  async create(@CallerOf() caller: Caller, @Body({ schema: TenantInput }) { name }: TenantInput): Promise<TenantView> {
    requireDefaultTenant(caller);
    return tenantView(await this.tenants.create(name));
  }
}

/** API keys of the caller's tenant; admins of tenant `default` reach those of all tenants. */
@ApiTags('access')
@RequireScope('admin')
@Controller('api/v1/keys')
export class KeysController {
  constructor(
    private readonly keys: KeyStore,
    private readonly tenants: TenantStore,
    private readonly access: AccessService,
  ) {}

  @Get()
  @ApiResponse(NOT_FOUND)
  @ApiOperation({ summary: 'API keys', description: 'Revoked ones too, none with its secret.' })
  @ApiOkResponse({ standardSchema: KeyList, description: 'All keys of the tenant, oldest first.' })
  async list(@CallerOf() caller: Caller, @Query({ schema: KeyQuery }) { tenantId }: KeyQuery): Promise<KeyList> {
    return { keys: (await this.keys.list(await this.reach(caller, tenantId))).map(keyView) };
  }

  @Post()
  @ApiResponse(NO_TENANT)
  @ApiResponse(UNUSABLE)
  @ApiOperation({
    summary: 'Makes an API key',
    description: 'The answer is the only one that holds the key. As soon as there is a key, every request needs one.',
  })
  @ApiCreatedResponse({ standardSchema: NewKeyView, description: 'The key.' })
  async create(@CallerOf() caller: Caller, @Body({ schema: KeyInput }) input: KeyInput): Promise<NewKeyView> {
    const expiresAt = typeof input.expiresAt === 'string' ? new Date(input.expiresAt) : null;
    if (expiresAt !== null && expiresAt.getTime() <= Date.now()) {
      throw new Rejected('already_expired', `${input.expiresAt} is past`, 422, 'expiresAt');
    }
    const made = await this.access.create({
      tenantId: await this.reach(caller, input.tenantId),
      name: input.name,
      scopes: [...new Set(input.scopes)],
      expiresAt,
    });
    return { ...keyView(made), key: made.key };
  }

  @Delete(':id')
  @HttpCode(204)
  @ApiOperation({ summary: 'Revokes an API key', description: 'At once here, within five seconds in other processes.' })
  @ApiNoContentResponse({ description: 'It opens nothing any more; it stays in the list.' })
  async revoke(
    @CallerOf() caller: Caller,
    @Param({ schema: KeyPath }) { id }: KeyPath,
    @Query({ schema: KeyQuery }) { tenantId }: KeyQuery,
  ): Promise<void> {
    await this.access.revoke(await this.reach(caller, tenantId), id);
  }

  /** The tenant that the caller means, if it may. */
  private async reach(caller: Caller, tenantId: number | undefined): Promise<number> {
    if (tenantId === undefined || tenantId === caller.tenantId) return caller.tenantId;
    requireDefaultTenant(caller);
    if ((await this.tenants.find(tenantId)) === null) {
      throw new Rejected('unknown_tenant', `there is no tenant ${tenantId}`, 404, 'tenantId');
    }
    return tenantId;
  }
}

function requireDefaultTenant(caller: Caller): void {
  if (caller.tenantId === DEFAULT_TENANT_ID) return;
  throw new Rejected('other_tenant', 'this needs an API key of tenant default with scope admin', 403);
}
