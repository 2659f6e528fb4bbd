import type { Evidence } from '../model/cause.js';
import { calleesOf } from '../model/shape.js';
import { KIND_CLIENT } from '../model/span.js';
import type { Trial } from './credit.js';

/** Past spans of a client operation that reached one and the same server: so many make it its server. */
const USUAL_SHARE = 0.8;

/** The operation of another service that answers a client operation, or null: none is known (a database, say), or several are. */
export function usualCallee({ baselines, operations }: Trial, operationId: number): number | null {
  const client = operations.get(operationId);
  const past = baselines.operations.get(operationId)?.shapes;
  if (client?.kind !== KIND_CLIENT || past === undefined) return null;
  let total = 0;
  for (const n of past.values()) total += n;
  for (const [shape, n] of past) {
    const [callee, ...others] = calleesOf(shape);
    if (callee === undefined || others.length > 0 || n < total * USUAL_SHARE) continue;
    return operations.get(callee)?.serviceId === client.serviceId ? null : callee;
  }
  return null;
}

/** Of the spans of an operation in these windows, how many called nothing. */
export function unanswered({ seen }: Trial, operationId: number): number {
  return (seen.shapes.get(operationId) ?? []).reduce((sum, shapes) => sum + (shapes.get('') ?? 0), 0);
}

/** The operation that evidence about calls is about, by its names; nothing when it is not known. */
export function named({ operations }: Pick<Trial, 'operations'>, operationId: number): Pick<Evidence, 'of'> {
  const operation = operations.get(operationId);
  return operation === undefined ? {} : { of: { service: operation.service, operation: operation.name } };
}
