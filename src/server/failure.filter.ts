import {
  Catch,
  HttpException,
  Logger,
  NotFoundException,
  type ArgumentsHost,
  type ExceptionFilter,
} from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Rejected, Unavailable } from '../model/failure.js';
import { isDatabaseOutage } from '../store/outage.js';

/** What a caller of the API is told; the fields of `error` in the body. */
export interface Answer {
  status: number;
  code: string;
  message: string;
  field?: string | undefined;
  retryAfterS?: number;
}

const CODES: Record<number, string> = {
  400: 'bad_request',
  401: 'no_key',
  403: 'forbidden',
  404: 'not_found',
  405: 'method_not_allowed',
  408: 'timeout',
  413: 'too_large',
  415: 'unsupported_type',
};
const DATABASE_RETRY_S = 5;
/** Its errors are texts, and amtool shows no others. */
const ALERTMANAGER = '/api/v2/';

/** The answer for an error; null for one that nobody expected, of which callers learn nothing. */
export function answerFor(error: unknown): Answer | null {
  if (error instanceof Rejected) {
    return { status: error.status, code: error.code, message: error.message, field: error.field };
  }
  if (error instanceof Unavailable) {
    const { status, message, retryAfterS } = error;
    return { status, code: status === 429 ? 'too_many_requests' : 'unavailable', message, retryAfterS };
  }
  if (isDatabaseOutage(error)) {
    const message = 'the database does not answer; try again in a moment';
    return { status: 503, code: 'unavailable', message, retryAfterS: DATABASE_RETRY_S };
  }
  const status = error instanceof HttpException ? error.getStatus() : fastifyStatus(error);
  if (status === null || status >= 500) return null;
  if (error instanceof NotFoundException && error.message.startsWith('Cannot ')) {
    const message = `there is no ${error.message.slice('Cannot '.length)}; /api/docs lists what there is`;
    return { status, code: 'not_found', message };
  }
  return { status, code: CODES[status] ?? 'bad_request', message: (error as Error).message };
}

/** Turns every error of the API into `{"error":{"code","message","field"?}}`, and of Alertmanager's into a text, as there. */
@Catch()
export class FailureFilter implements ExceptionFilter {
  private readonly log = new Logger('Api');

  catch(error: unknown, host: ArgumentsHost): void {
    const http = host.switchToHttp();
    const reply = http.getResponse<FastifyReply>();
    const answer = answerFor(error) ?? this.unexpected(error, http.getRequest<FastifyRequest>());
    if (reply.sent) return;
    if (answer.status === 401) reply.header('www-authenticate', 'Bearer');
    if (answer.retryAfterS !== undefined) reply.header('retry-after', String(answer.retryAfterS));
    const { status, code, message, field } = answer;
    if (http.getRequest<FastifyRequest>().url.startsWith(ALERTMANAGER)) {
      void reply.status(status).type('application/json').send(JSON.stringify(message));
      return;
    }
    void reply.status(status).send({ error: { code, message, ...(field !== undefined && { field }) } });
  }

  private unexpected(error: unknown, request: FastifyRequest): Answer {
    this.log.error(
      `${request.method} ${request.routeOptions.url} failed`,
      error instanceof Error ? error.stack : String(error),
    );
    return { status: 500, code: 'internal', message: 'internal error; the log of the service says more' };
  }
}

/** Status of an error of Fastify's own, such as 413 for a long body, whose text is fit to be shown. */
function fastifyStatus(error: unknown): number | null {
  if (!(error instanceof Error) || !('code' in error) || !('statusCode' in error)) return null;
  return String(error.code).startsWith('FST_') ? Number(error.statusCode) : null;
}
