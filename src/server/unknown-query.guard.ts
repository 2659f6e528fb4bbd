import { type CanActivate, type ExecutionContext } from '@nestjs/common';
import { ROUTE_ARGS_METADATA } from '@nestjs/common/constants.js';
import { RouteParamtypes } from '@nestjs/common/enums/route-paramtypes.enum.js';
import type { FastifyRequest } from 'fastify';
import { Rejected } from '../model/failure.js';

/**
 * Refuses query parameters at routes that read none, as schemas do where some are read: a filter that does nothing would be taken for one
 * that does. Alertmanager's API is lenient, as there.
 */
export class UnknownQueryGuard implements CanActivate {
  canActivate(context: ExecutionContext): boolean {
    const { query, url } = context.switchToHttp().getRequest<FastifyRequest>();
    const [name] = Object.keys(query as object);
    if (name === undefined || !url.startsWith('/api/v1/')) return true;
    const read = Reflect.getMetadata(ROUTE_ARGS_METADATA, context.getClass(), context.getHandler().name) as unknown;
    if (Object.keys(read ?? {}).some((key) => key.startsWith(`${RouteParamtypes.QUERY}:`))) return true;
    throw new Rejected('invalid_input', `${name}: is not known here`, 400, name);
  }
}
