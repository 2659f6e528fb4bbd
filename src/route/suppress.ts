import type { Inhibition, Silence, SilenceState } from '../model/routing.js';
import { matchesAll } from './matcher.js';

type Labels = Readonly<Record<string, string>>;

export function silenceState(silence: Pick<Silence, 'startsAtMs' | 'endsAtMs'>, nowMs: number): SilenceState {
  if (nowMs >= silence.endsAtMs) return 'expired';
  return nowMs >= silence.startsAtMs ? 'active' : 'pending';
}

/** Ids of the silences that are active now and match, in their order. */
export function silencedBy(labels: Labels, silences: readonly Silence[], nowMs: number): string[] {
  return silences
    .filter((silence) => silenceState(silence, nowMs) === 'active' && matchesAll(silence.matchers, labels))
    .map(({ id }) => id);
}

/** An alert that fires and so may inhibit others. */
export interface Source {
  id: string;
  labels: Labels;
}

/**
 * Inhibitions made ready for many questions: what fires is looked through once, and an alert is then answered by its `equal` values. A
 * label that is missing equals one that is empty; an alert that is source and target of an inhibition is not inhibited by another such.
 */
export class Inhibitor {
  private readonly rules: { inhibition: Inhibition; sources: Map<string, { id: string; isTarget: boolean }[]> }[];

  constructor(inhibitions: readonly Inhibition[], firing: readonly Source[]) {
    this.rules = inhibitions.map((inhibition) => {
      const sources = new Map<string, { id: string; isTarget: boolean }[]>();
      for (const { id, labels } of firing) {
        if (!matchesAll(inhibition.source, labels)) continue;
        const key = equalKey(inhibition.equal, labels);
        const same = sources.get(key) ?? [];
        same.push({ id, isTarget: matchesAll(inhibition.target, labels) });
        sources.set(key, same);
      }
      return { inhibition, sources };
    });
  }

  /** Ids of the alerts by which this one is inhibited, one for each inhibition; empty when it is told. */
  inhibitedBy(labels: Labels): string[] {
    const by: string[] = [];
    for (const { inhibition, sources } of this.rules) {
      if (sources.size === 0 || !matchesAll(inhibition.target, labels)) continue;
      const isSource = matchesAll(inhibition.source, labels);
      const found = sources.get(equalKey(inhibition.equal, labels))?.find(({ isTarget }) => !(isSource && isTarget));
      if (found !== undefined) by.push(found.id);
    }
    return by;
  }
}

/** Whether an alert with these labels inhibits anything while it fires. */
export function isSource(inhibitions: readonly Inhibition[], labels: Labels): boolean {
  return inhibitions.some(({ source }) => matchesAll(source, labels));
}

function equalKey(equal: readonly string[], labels: Labels): string {
  return JSON.stringify(equal.map((name) => (Object.hasOwn(labels, name) ? labels[name] : '')));
}
