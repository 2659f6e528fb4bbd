import { StandardSchemaValidationPipe, type DynamicModule, type LoggerService } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { Rejected } from '../model/failure.js';
import { serveOpenApi } from '../query/openapi.js';
import { FailureFilter } from './failure.filter.js';
import { invalidInput } from '../model/invalid-input.js';
import { wellFormed } from './well-formed.js';
import { UnknownQueryGuard } from './unknown-query.guard.js';

const BODY_LIMIT_BYTES = 2 ** 20;
const REQUEST_TIMEOUT_MS = 30_000;
const HEADERS_TIMEOUT_MS = 10_000;
const MAX_CONNECTIONS = 1_024;
/** More than the head of a request may have: what is too long for a name is answered by its schema, in the form of all errors. */
const MAX_PARAMETER_LENGTH = 2 ** 15;

const API_HEADERS = {
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  'referrer-policy': 'no-referrer',
  'cross-origin-resource-policy': 'same-origin',
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
};
const DOCS_POLICY =
  "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; frame-ancestors 'none'; base-uri 'none'";

/** The application with the API's checks, errors, headers and documents; it does not listen yet. */
export async function createApi(root: DynamicModule, logger: LoggerService): Promise<NestFastifyApplication> {
  const adapter = new FastifyAdapter({
    bodyLimit: BODY_LIMIT_BYTES,
    requestTimeout: REQUEST_TIMEOUT_MS,
    http: { headersTimeout: HEADERS_TIMEOUT_MS },
    forceCloseConnections: 'idle',
    return503OnClosing: false,
    routerOptions: { maxParamLength: MAX_PARAMETER_LENGTH },
  });
  const app = await NestFactory.create<NestFastifyApplication>(root, adapter, { logger, abortOnError: false });
  app.getHttpServer().maxConnections = MAX_CONNECTIONS;
  app.useGlobalPipes(new StandardSchemaValidationPipe({ exceptionFactory: invalidInput }));
  app.useGlobalGuards(new UnknownQueryGuard());
  app.useGlobalFilters(new FailureFilter());
  adapter.getInstance().addHook('onRequest', async (request, reply) => {
    reply.headers(API_HEADERS);
    if (request.url.startsWith('/api/docs')) reply.header('content-security-policy', DOCS_POLICY);
    else if (request.url.startsWith('/api/')) reply.header('cache-control', 'no-store');
  });
  adapter.getInstance().addHook('preValidation', async (request) => {
    request.body = wellFormed(request.body);
  });
  // JSON merge patch (RFC 7396) is JSON.
  app.useBodyParser('application/merge-patch+json', {}, (_request, body, done) => {
    try {
      done(null, JSON.parse(body.toString('utf8')));
    } catch {
      done(new Rejected('bad_request', 'the body is not JSON'), undefined);
    }
  });
  serveOpenApi(app);
  // Whoever opens the address in a browser finds what there is.
  adapter.getInstance().get('/', (_request, reply) => reply.redirect('/api/docs'));
  return app;
}
