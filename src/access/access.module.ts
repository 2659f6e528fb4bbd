import { Global, Module } from '@nestjs/common';
import { APP_GUARD } from '@nestjs/core';
import { KeysController, TenantsController } from './access.controller.js';
import { AccessGuard } from './access.guard.js';
import { AccessService } from './access.service.js';
import { ActionLinks } from './action-links.js';
import { LimitsController } from './limits.controller.js';
import { ReadLinks } from './read-links.js';
import { SpanNamesController } from './span-names.controller.js';

/** Who may do what: guards every route of the API. */
@Global()
@Module({
  controllers: [TenantsController, KeysController, LimitsController, SpanNamesController],
  providers: [AccessService, ActionLinks, ReadLinks, { provide: APP_GUARD, useClass: AccessGuard }],
  exports: [AccessService, ActionLinks, ReadLinks],
})
export class AccessModule {}
