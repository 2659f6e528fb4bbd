import { createParamDecorator, Injectable, SetMetadata, type CanActivate, type ExecutionContext } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import type { FastifyRequest } from 'fastify';
import { Rejected } from '../model/failure.js';
import { AccessService, type Caller } from './access.service.js';
import type { Scope } from '../model/scope.js';

const SCOPE = 'access:scope';
const OPEN = 'open';

/** The scope that a caller needs for a route, or for all routes of a controller; of several, any. Without it a route needs `admin`. */
export const RequireScope = (...scopes: [Scope, ...Scope[]]) => SetMetadata(SCOPE, scopes);

/** Lets everybody use a route, without a key. */
export const OpenToAll = () => SetMetadata(SCOPE, OPEN);

/** Parameter: the tenant's id of the caller. */
export const Tenant = createParamDecorator((_data: unknown, context: ExecutionContext) => callerOf(context).tenantId);

/** Parameter: the `Caller`. */
export const CallerOf = createParamDecorator((_data: unknown, context: ExecutionContext) => callerOf(context));

const callers = new WeakMap<FastifyRequest, Caller>();

/** Lets a request pass whose caller has the scope of its route. */
@Injectable()
export class AccessGuard implements CanActivate {
  constructor(
    private readonly reflector: Reflector,
    private readonly access: AccessService,
  ) {}

  async canActivate(context: ExecutionContext): Promise<boolean> {
    const needed = this.reflector.getAllAndOverride<Scope[] | typeof OPEN | undefined>(SCOPE, [
      context.getHandler(),
      context.getClass(),
    ]);
    if (needed === OPEN) return true;
    const request = context.switchToHttp().getRequest<FastifyRequest>();
    const caller = await this.access.authenticate(request.headers.authorization, request.headers);
    requireScope(caller, ...(needed ?? ['admin']));
    callers.set(request, caller);
    return true;
  }
}

/** Throws Rejected 403 when the caller has none of the scopes; `admin` includes `read`. */
export function requireScope(caller: Caller, ...needed: Scope[]): void {
  if (needed.some((scope) => caller.scopes.has(scope) || (scope === 'read' && caller.scopes.has('admin')))) return;
  const has = [...caller.scopes].join(', ');
  throw new Rejected('missing_scope', `this needs scope ${needed.join(' or ')}; the API key has ${has}`, 403);
}

function callerOf(context: ExecutionContext): Caller {
  const caller = callers.get(context.switchToHttp().getRequest<FastifyRequest>());
  if (caller === undefined) throw new Error('a route that is open to all has no caller');
  return caller;
}
