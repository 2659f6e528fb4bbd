import type { DecisionReason } from '../model/decision.js';
import { SEVERITIES, type Incident, type Severity } from '../model/incident.js';
import type { AnomalyRule } from '../model/rule.js';

export type Match = 'matches' | Exclude<DecisionReason, 'rule_disabled'>;

/** Whether a rule is about this incident: severe enough, and one of its globs matches the service of a cause or of an affected operation. */
export function matchRule(
  rule: Pick<AnomalyRule, 'services' | 'minSeverity'>,
  incident: Pick<Incident, 'severity' | 'causes' | 'affected'>,
): Match {
  const services = servicesOf(incident);
  const globs = globsOf(rule.services);
  // An incident that names no service at all can only be meant by a rule about every service.
  const named =
    globs.isAll ||
    services.some((service) => globs.plain.has(service) || globs.patterns.some((glob) => matchGlob(glob, service)));
  if (!named) return 'service_not_in_rule';
  return rank(incident.severity) < rank(rule.minSeverity) ? 'severity_below_rule' : 'matches';
}

interface Globs {
  isAll: boolean;
  plain: ReadonlySet<string>;
  patterns: readonly string[];
}
// In a storm each of many incidents is held against each of many rules: what either of them names is looked at once.
const globsOfRules = new WeakMap<readonly string[], Globs>();
const servicesOfIncidents = new WeakMap<object, string[]>();

function globsOf(services: readonly string[]): Globs {
  const known = globsOfRules.get(services);
  if (known !== undefined) return known;
  const patterns = services.filter((glob) => glob.includes('*') || glob.includes('?'));
  const plain = new Set(services.filter((glob) => !patterns.includes(glob)));
  const globs = { isAll: services.includes('*'), plain, patterns };
  globsOfRules.set(services, globs);
  return globs;
}

function servicesOf(incident: Pick<Incident, 'causes' | 'affected'>): string[] {
  const known = servicesOfIncidents.get(incident);
  if (known !== undefined) return known;
  const services = [...new Set([...incident.causes, ...incident.affected].map(({ service }) => service))];
  servicesOfIncidents.set(incident, services);
  return services;
}

/**
 * Whether the whole text matches the glob: `*` is any run of characters, `?` is one character, all else is itself, case counts.
 * Takes at most length(glob) x length(text) steps, whatever the glob.
 */
export function matchGlob(glob: string, text: string): boolean {
  const first = glob[0];
  if (first !== undefined && first !== '*' && first !== '?' && first !== text[0]) return false;
  const pattern = Array.from(glob);
  const letters = Array.from(text);
  let at = 0;
  let star = -1;
  let retryFrom = 0;
  for (let i = 0; i < letters.length;) {
    if (pattern[at] === '*') {
      star = at++;
      retryFrom = i;
    } else if (at < pattern.length && (pattern[at] === '?' || pattern[at] === letters[i])) {
      at++;
      i++;
    } else if (star >= 0) {
      // Let the last star swallow one more character: an earlier star never needs to be tried again.
      at = star + 1;
      i = ++retryFrom;
    } else {
      return false;
    }
  }
  while (pattern[at] === '*') at++;
  return at === pattern.length;
}

function rank(severity: Severity): number {
  return SEVERITIES.indexOf(severity);
}
