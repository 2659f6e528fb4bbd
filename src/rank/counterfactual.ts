import type { Counterfactual } from '../model/cause.js';
import { formatQuantity } from '../model/display.js';
import { emptyPaths, mergePaths, type Paths } from '../model/paths.js';
import type { Credit, Trial } from './credit.js';

/** There must be so much to explain, and so many requests, for a statement to be worth anything. */
const MIN_ADDED_US = 1_000;
const MIN_TRACES = 5;
const MIN_FAILED = 3;
const MIN_SHARE = 0.01;

/**
 * What would be gone without each service, by service id. Time: of the time on the critical paths of requests that is beyond normal, the
 * part that lies in spans laid at the service's door. Failures: of the failed requests, those whose deepest failing span is the service's.
 * `credits` are raw: all that is beyond normal, believed or not.
 */
export function counterfactuals(
  { seen, operations }: Trial,
  credits: readonly Credit[],
): Map<number, Counterfactual[]> {
  const requests = emptyPaths();
  for (const windows of seen.paths.values()) for (const paths of windows) mergePaths(requests, paths);
  const found = new Map<number, Counterfactual[]>();
  if (requests.traces < MIN_TRACES) return found;
  const add = (serviceId: number, statement: Counterfactual): void => {
    found.set(serviceId, [...(found.get(serviceId) ?? []), statement]);
  };
  const serviceOf = (operationId: number): number => operations.get(operationId)?.serviceId ?? 0;
  for (const [serviceId, statement] of withoutTime(requests, credits, serviceOf)) add(serviceId, statement);
  for (const [serviceId, statement] of withoutFailures(requests, serviceOf)) add(serviceId, statement);
  return found;
}

function* withoutTime(
  requests: Paths,
  credits: readonly Credit[],
  serviceOf: (operationId: number) => number,
): Iterable<[number, Counterfactual]> {
  const perService = new Map<number, number>();
  let addedUs = 0;
  for (const { operationId, originId, amount, observedUs } of credits) {
    if (observedUs === undefined || observedUs <= 0) continue;
    // Not all of an operation's time is waited for; what is beyond normal in it is taken to be so in the same measure on the path.
    const us = (requests.parts.get(originId)?.us ?? 0) * (amount / observedUs);
    addedUs += us;
    perService.set(serviceOf(operationId), (perService.get(serviceOf(operationId)) ?? 0) + us);
  }
  const added = addedUs / requests.traces;
  if (added < MIN_ADDED_US) return;
  for (const [serviceId, us] of perService) {
    const share = us / addedUs;
    if (share < MIN_SHARE) continue;
    const text = `without it, ${percent(share)} of the ${formatQuantity(added, 'us')} that a request takes longer on average would be gone (${requests.traces} requests)`;
    yield [serviceId, { of: 'time', share, added, unit: 'us', n: requests.traces, text }];
  }
}

function* withoutFailures(
  requests: Paths,
  serviceOf: (operationId: number) => number,
): Iterable<[number, Counterfactual]> {
  if (requests.failed < MIN_FAILED) return;
  const perService = new Map<number, number>();
  for (const [operationId, { failed }] of requests.parts) {
    perService.set(serviceOf(operationId), (perService.get(serviceOf(operationId)) ?? 0) + failed);
  }
  for (const [serviceId, failed] of perService) {
    const share = failed / requests.failed;
    if (share < MIN_SHARE) continue;
    const text = `without it, ${percent(share)} of the failed requests would not have failed (${requests.failed} of ${requests.traces} did)`;
    yield [
      serviceId,
      { of: 'failures', share, added: requests.failed / requests.traces, unit: 'ratio', n: requests.traces, text },
    ];
  }
}

function percent(share: number): string {
  return `${Math.round(share * 100)} %`;
}
