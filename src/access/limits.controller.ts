import { Body, Controller, Get, Inject, Param, Put } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { CONFIG } from '../config.js';
import type { Config } from '../config.js';
import { Rejected } from '../model/failure.js';
import type { TenantSettings } from '../model/tenant-settings.js';
import { TenantSettingsStore } from '../store/tenant-settings.store.js';
import { DEFAULT_TENANT_ID, TenantStore } from '../store/tenant.store.js';
import { CallerOf, RequireScope } from './access.guard.js';
import type { Caller } from './access.service.js';
import { LimitsInput, LimitsView, TenantPath } from './contract.js';

/** How much a tenant may send; for whoever runs the service: admins of tenant `default`. */
@ApiTags('access')
@RequireScope('admin')
@Controller('api/v1/tenants/:id/limits')
export class LimitsController {
  constructor(
    private readonly tenants: TenantStore,
    private readonly settings: TenantSettingsStore,
    @Inject(CONFIG) private readonly config: Config,
  ) {}

  @Get()
  @ApiOperation({
    summary: 'What a tenant may send a second',
    description: 'Its own admins may look; requests beyond are answered 429 with Retry-After, or RESOURCE_EXHAUSTED.',
  })
  @ApiOkResponse({ standardSchema: LimitsView, description: 'The limits.' })
  async get(@CallerOf() caller: Caller, @Param({ schema: TenantPath }) { id }: TenantPath): Promise<LimitsView> {
    if (id !== caller.tenantId) requireOperator(caller);
    await this.requireTenant(id);
    return this.view(await this.settings.get(id));
  }

  @Put()
  @ApiOperation({
    summary: 'Sets what a tenant may send a second',
    description: 'For admins of tenant `default`. Holds within five seconds, in each process by itself.',
  })
  @ApiOkResponse({ standardSchema: LimitsView, description: 'The limits.' })
  async put(
    @CallerOf() caller: Caller,
    @Param({ schema: TenantPath }) { id }: TenantPath,
    @Body({ schema: LimitsInput }) limits: LimitsInput,
  ): Promise<LimitsView> {
    requireOperator(caller);
    await this.requireTenant(id);
    return this.view(await this.settings.change(id, limits));
  }

  private view({ spansPerSecond, bytesPerSecond }: TenantSettings): LimitsView {
    const { maxSpansPerSecond, maxBytesPerSecond, burstS } = this.config.ingest;
    return {
      spansPerSecond,
      bytesPerSecond,
      effective: {
        spansPerSecond: spansPerSecond ?? maxSpansPerSecond,
        bytesPerSecond: bytesPerSecond ?? maxBytesPerSecond,
        burstSeconds: burstS,
      },
    };
  }

  private async requireTenant(id: number): Promise<void> {
    if ((await this.tenants.find(id)) === null) {
      throw new Rejected('unknown_tenant', `there is no tenant ${id}`, 404, 'id');
    }
  }
}

function requireOperator(caller: Caller): void {
  if (caller.tenantId === DEFAULT_TENANT_ID) return;
  throw new Rejected('other_tenant', 'this needs an API key of tenant default with scope admin', 403);
}
