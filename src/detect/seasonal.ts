import type { Finding } from '../model/anomaly.js';
import type { Policy } from '../model/policy.js';
import { type HourSeen, hourOfWeek, seasonalNormal, seasonKey, type Seasons } from '../model/season.js';
import { limitBeyond } from '../model/spread.js';
import { isWorthKeeping } from './evidence.js';

/** Holds back what `detect` raised and this hour was like on other days, by the clocks of the IANA zone; what is not worth keeping then is left out. */
export function againstSeasons(
  findings: readonly Finding[],
  policy: Policy,
  known: Seasons,
  timeZone: string,
): Finding[] {
  return findings
    .map((finding): Finding => {
      if (!finding.raised) return finding;
      const { day, hour } = hourOfWeek(finding.windowAtMs, timeZone);
      const usual = seasonalNormal(known.get(seasonKey(finding.operationId, hour)), day, finding.windowAtMs);
      if (usual === null || !isSeasonal(finding, usual, policy)) return finding;
      return { ...finding, raised: false, reason: 'seasonal' };
    })
    .filter(isWorthKeeping);
}

/**
 * Whether this hour of the week was like that before: what differs from the last half hour and not from the same hour of earlier weeks
 * (or days) is a season. Calls and gaps have none; they hardly depend on the time of day.
 */
function isSeasonal(finding: Finding, usual: HourSeen, policy: Policy): boolean {
  const { observed } = finding;
  // A whole hour was seen: no margin for what little is known.
  const within = (normalUs: number): boolean => observed <= limitBeyond(normalUs, policy.latency, Infinity, 0);
  switch (finding.signal) {
    case 'latency':
      return within(finding.quantile === 0.5 ? usual.p50Us : usual.p90Us);
    case 'self_time':
      return within(usual.selfP90Us);
    case 'errors':
      return observed <= usual.errorRatio * (1 + policy.errors.minRelative);
    case 'traffic':
      return finding.direction === 'down'
        ? observed > usual.leastN * (1 - policy.traffic.minDrop)
        : observed < usual.mostN * policy.traffic.minSurge;
    default:
      return false;
  }
}
