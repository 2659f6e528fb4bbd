import type { InstanceShare } from '../model/cause.js';
import { addInstance, attributesOfInstance, INSTANCE_ATTRIBUTES, type InstancePart } from '../model/instance.js';
import type { SharedCredit, Trial } from './credit.js';

/** One value must stand out: most of the excess is its, and plainly more than its part of the spans. */
const MIN_SHARE = 0.6;
const MIN_LIFT = 1.5;
const MIN_SPANS = 5;
const MAX_LISTED = 3;

/** By service: which pod, host, version or place its excess comes from, when it does not come from all alike; clearest first. */
export function instanceShares(
  { seen, operations }: Trial,
  credits: readonly SharedCredit[],
): Map<number, InstanceShare[]> {
  const byService = new Map<number, Map<string, { n: number; excess: number }>>();
  for (const credit of credits) {
    const serviceId = operations.get(credit.operationId)?.serviceId;
    const windows = seen.instances.get(credit.operationId);
    if (serviceId === undefined || windows === undefined) continue;
    const parts = new Map<string, InstancePart>();
    for (const window of windows) for (const [instance, part] of window) addInstance(parts, instance, part);
    const excess = [...parts].map(([instance, part]) => ({ instance, n: part.n, us: excessOf(part, credit) }));
    const total = excess.reduce((sum, each) => sum + Math.max(0, each.us), 0);
    if (total <= 0) continue;
    let its = byService.get(serviceId);
    if (its === undefined) byService.set(serviceId, (its = new Map()));
    for (const { instance, n, us } of excess) {
      const sum = its.get(instance) ?? { n: 0, excess: 0 };
      // Credits of unlike dimensions are put together by their strength, not by their units.
      its.set(instance, { n: sum.n + n, excess: sum.excess + (Math.max(0, us) / total) * credit.share });
    }
  }
  return new Map([...byService].map(([serviceId, instances]) => [serviceId, standingOut(instances)]));
}

function excessOf(part: InstancePart, { dimension, evidence, operationId, originId }: SharedCredit): number {
  if (evidence.kind === 'failing') return part.failed - part.n * evidence.expected;
  if (dimension !== 'time') return 0;
  const us = evidence.kind === 'network_gap' && originId !== operationId ? part.gapUs : part.us;
  return us - part.n * evidence.expected;
}

function standingOut(instances: ReadonlyMap<string, { n: number; excess: number }>): InstanceShare[] {
  const found: InstanceShare[] = [];
  for (const attribute of INSTANCE_ATTRIBUTES) {
    const values = new Map<string, { n: number; excess: number }>();
    let n = 0;
    let excess = 0;
    for (const [instance, part] of instances) {
      const value = attributesOfInstance(instance).find(([key]) => key === attribute)?.[1];
      if (value === undefined) continue;
      const sum = values.get(value) ?? { n: 0, excess: 0 };
      values.set(value, { n: sum.n + part.n, excess: sum.excess + part.excess });
      n += part.n;
      excess += part.excess;
    }
    if (values.size < 2 || n === 0 || excess === 0) continue;
    const [value, most] = [...values].reduce((a, b) => (b[1].excess > a[1].excess ? b : a));
    const share = most.excess / excess;
    const ofSpans = most.n / n;
    if (most.n < MIN_SPANS || share < MIN_SHARE || share < ofSpans * MIN_LIFT) continue;
    // Where pod, host and instance id mean the same, the narrowest says it.
    if (found.some((other) => other.share === share && other.ofSpans === ofSpans)) continue;
    found.push({ attribute, value, share, ofSpans });
  }
  return found.sort((a, b) => b.share - b.ofSpans - (a.share - a.ofSpans)).slice(0, MAX_LISTED);
}
