import {
  ANY_SEVERE,
  type EventBaseline,
  type EventKnowledge,
  eventKey,
  fromEventKey,
  SEVERITY_ERROR,
} from '../model/event.js';
import { hasItsLogs, type SpansLookedAt, spansLookedAt } from '../model/event-share.js';
import { dispersionOf } from '../model/spread.js';
import type { Credit, CreditSource, Trial } from './credit.js';
import { type Part, surpriseOfShare } from './surprise.js';

/** Of a template that is gone it is evidence only where at least so many of the spans had it. */
const MIN_VANISHED_SHARE = 0.2;
/** A template that can be named says more than the sum of all errors, if it is about as much. */
const NAMELESS = 0.8;

interface Looked {
  spansOf: SpansLookedAt;
  hasLogs: boolean;
  seen: ReadonlyMap<string, number>;
}

/**
 * Events that deviate, on the operation whose spans hold them: errors written more often than normal, or lines gone that such spans write.
 * An operation's credit is that of its most deviating template: the spans beyond, or short of, what is normal.
 */
export const eventCredits: CreditSource = (trial) => {
  const known = trial.baselines.events;
  if (known === undefined) return [];
  const looked = trial.windows.map((window) => ({
    spansOf: spansLookedAt(window, known),
    hasLogs: hasItsLogs(window, known),
    seen: new Map((window.events ?? []).map((each) => [eventKey(each.templateId, each.operationId), each.spans])),
  }));
  const best = new Map<number, { credit: Credit; weight: number }>();
  for (const key of new Set([...known.baselines.keys(), ...looked.flatMap(({ seen }) => [...seen.keys()])])) {
    const { templateId, operationId } = fromEventKey(key);
    if (!trial.candidates.has(operationId)) continue;
    const credit = creditOf(key, looked, known, trial);
    if (credit === null) continue;
    const weight = credit.amount * (templateId === ANY_SEVERE ? NAMELESS : 1);
    if (weight > (best.get(operationId)?.weight ?? 0)) best.set(operationId, { credit, weight });
  }
  return [...best.values()].map(({ credit }) => credit);
};

function creditOf(key: string, looked: readonly Looked[], known: EventKnowledge, trial: Trial): Credit | null {
  const { templateId, operationId } = fromEventKey(key);
  const template = known.templates.get(templateId);
  if (template === undefined && templateId !== ANY_SEVERE) return null;
  const isSevere = (template?.severity ?? SEVERITY_ERROR) >= SEVERITY_ERROR;
  const past = known.baselines.get(key) ?? neverSeen(operationId, trial);
  const expected = (past.spans + 0.5) / (past.of + 1);
  if (!isSevere && expected < MIN_VANISHED_SHARE) return null;
  // Of what is gone, the spans without it are counted.
  const p = isSevere ? expected : 1 - expected;
  const parts: Part[] = [];
  let n = 0;
  let held = 0;
  for (const { spansOf, hasLogs, seen } of looked) {
    const of = spansOf(templateId, operationId);
    if (of === 0 || (!hasLogs && template?.source !== 'span_event')) continue;
    const spans = Math.min(of, seen.get(key) ?? 0);
    parts.push({ k: isSevere ? spans : of - spans, n: of });
    n += of;
    held += spans;
  }
  const amount = isSevere ? held - expected * n : expected * n - held;
  if (n === 0 || amount <= 0) return null;
  return {
    operationId,
    originId: operationId,
    dimension: 'events',
    amount,
    surprise: surpriseOfShare(parts, p, dispersionOf(past.chi, n / parts.length)),
    evidence: {
      kind: 'event_template',
      observed: held / n,
      expected,
      unit: 'ratio',
      n,
      template: template?.text ?? 'any error',
    },
  };
}

function neverSeen(operationId: number, { baselines }: Trial): EventBaseline {
  const { windows = 0, n = 0 } = baselines.operations.get(operationId) ?? {};
  return { windows, of: n, spans: 0, chi: { sum: 0, n: 0 } };
}
