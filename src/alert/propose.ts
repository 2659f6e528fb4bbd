import type { Feedback } from '../model/feedback.js';
import { SEVERITIES } from '../model/incident.js';
import { SENSITIVITIES, type RuleValues } from '../model/rule.js';
import type { Firing } from './replay.js';

/** Words that make a rule worth looking at: one is an opinion, and half of what is told may well be worth it. */
const LEAST_NOISE = 3;
const LEAST_NOISE_SHARE = 0.5;
/** A change has to spare so much of the noise to be worth a decision. */
const LEAST_SPARED = 0.5;
/** Limits are moved by so much, the gentlest first. */
const STEPS = [1.1, 1.25, 1.5, 2, 3];
/** Grains of a replay are up to a minute; a firing may begin one of them earlier or later. */
const SLACK_MS = 120_000;

export interface Candidate {
  patch: Record<string, unknown>;
  words: string;
}

type Said = Pick<Feedback, 'verdict' | 'firedAtMs' | 'incidentId' | 'labels'>;

/** Whether what people said of a rule asks for a change. */
export function asksForChange(said: readonly Pick<Feedback, 'verdict'>[]): boolean {
  const noise = said.filter(({ verdict }) => verdict === 'noise').length;
  return noise >= LEAST_NOISE && noise >= LEAST_NOISE_SHARE * said.length;
}

/** Changes that make a rule say less, the gentlest first; none for types that have no limit to move. */
export function candidates(rule: RuleValues): Candidate[] {
  switch (rule.type) {
    case 'anomaly':
      return [
        ...lower(SENSITIVITIES, rule.sensitivity).map((to) => changed('sensitivity', rule.sensitivity, to)),
        ...higher(SEVERITIES, rule.minSeverity).map((to) => changed('minSeverity', rule.minSeverity, to)),
      ];
    case 'threshold':
      return STEPS.flatMap((step) => {
        const isShare = rule.measure === 'error_rate' || rule.measure === 'apdex';
        const field = rule.above === null ? 'below' : 'above';
        const limit = rule[field];
        if (limit === null || limit === 0) return [];
        const moved = (value: number) => rounded(field === 'above' ? value * step : value / step);
        if (isShare && moved(limit) > 1) return [];
        const recovery = rule.recoverAt === null ? {} : { recoverAt: moved(rule.recoverAt) };
        const { patch, words } = changed(field, limit, moved(limit));
        return [{ patch: { ...patch, ...recovery }, words }];
      });
    case 'burn_rate':
      return STEPS.map((step) => ({
        patch: { windows: rule.windows.map((row) => ({ ...row, burnRate: rounded(row.burnRate * step) })) },
        words: `burnRate of all windows times ${step}`,
      }));
    case 'trace_match':
      return [2, 4].map((times) => changed('minTraces', rule.minTraces, rule.minTraces * times));
    case 'structural':
      return [2, 4].map((times) => changed('minVolume', rule.minVolume, rule.minVolume * times));
    case 'absence':
      return [];
  }
}

/** How many of the firings that people spoke of are among those of a replay. */
export function counted(said: readonly Said[], firings: readonly Firing[]): { useful: number; noise: number } {
  const found = said.filter((each) => firings.some((firing) => isSame(each, firing)));
  const noise = found.filter(({ verdict }) => verdict === 'noise').length;
  return { useful: found.length - noise, noise };
}

/** Whether a change spares enough of the noise and costs nothing of what was useful, as far as the replay of the rule as it is shows both. */
export function isBetter(before: { useful: number; noise: number }, after: { useful: number; noise: number }): boolean {
  return after.useful >= before.useful && before.noise - after.noise >= LEAST_SPARED * before.noise;
}

function isSame(said: Said, firing: Firing): boolean {
  if (said.incidentId !== null) return firing.incidentId === said.incidentId;
  if (firing.incidentId !== null) return false;
  const { firedAtMs } = said;
  if (firedAtMs < firing.activeAtMs - SLACK_MS || firedAtMs > (firing.endedAtMs ?? Infinity) + SLACK_MS) return false;
  return identity(said.labels) === identity(firing.labels);
}

/** Severity is no part of what an alert is. */
function identity(labels: Readonly<Record<string, string>>): string {
  const kept = Object.entries(labels).filter(([name]) => name !== 'severity');
  return JSON.stringify(kept.toSorted(([a], [b]) => (a < b ? -1 : 1)));
}

function lower<T>(all: readonly T[], from: T): T[] {
  return all.slice(0, Math.max(0, all.indexOf(from))).toReversed();
}

function higher<T>(all: readonly T[], from: T): T[] {
  return all.slice(all.indexOf(from) + 1);
}

function changed(field: string, from: unknown, to: unknown): Candidate {
  return { patch: { [field]: to }, words: `${field} ${String(from)} → ${String(to)}` };
}

function rounded(value: number): number {
  return Number(value.toPrecision(3));
}
