import { MINUTE_MS } from '../model/window.js';
import type { FirstSeen } from './correlate.js';

/** A version is new to an incident when it came this long before it began, or later: time for a rollout to reach its second instance. */
const NEW_WITHIN_MS = 30 * MINUTE_MS;
/** What was seen this soon after the service itself was there from the start, as far as anybody can know. */
const FROM_THE_START_MS = 5 * MINUTE_MS;

interface Known {
  service: string;
  key: string;
  value: string;
  firstMs: number;
  serviceSinceMs: number;
}

/** Looks up what is known of versions, as of `throughMs`, for an incident that began at `startedMs`. */
export function firstSeenOf(versions: readonly Known[], startedMs: number, throughMs: number): FirstSeen {
  const known = new Map(versions.map((each) => [nameOf(each.service, each.key, each.value), each]));
  return (service, key, value) => {
    const version = known.get(nameOf(service, key, value));
    if (version === undefined || version.firstMs > throughMs) return null;
    if (version.firstMs <= version.serviceSinceMs + FROM_THE_START_MS) return null;
    return { atMs: version.firstMs, isNew: version.firstMs >= startedMs - NEW_WITHIN_MS };
  };
}

function nameOf(service: string, key: string, value: string): string {
  return JSON.stringify([service, key, value]);
}
