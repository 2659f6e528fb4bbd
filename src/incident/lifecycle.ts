import type { Cause } from '../model/cause.js';
import { displayText } from '../model/display.js';
import type { AnomalyGroup } from '../model/group.js';
import {
  type Affected,
  type Incident,
  type IncidentEventKind,
  SEVERITIES,
  type Severity,
  type Suspect,
} from '../model/incident.js';
import { MINUTE_MS, WINDOW_MS } from '../model/window.js';
import { asTold, blamedBy, mergeSuspects, type News, newsOf, suspectsOf } from './suspects.js';
import { FAINT_SCORE, MAX_LISTED, NEWEST_WEIGHT, PLAIN_SCORE, SETTLED_AFTER_MS } from './weights.js';

/** Quiet windows until an incident counts as recovering. */
const RECOVERING_AFTER = 3;
/**
 * It is over when as many windows with data were quiet, and as much event time has passed (doubled once it has come back): silence in
 * between lets time pass, but only data says that all is well.
 */
const RESOLVED_AFTER_WINDOWS = 6;
const RESOLVED_AFTER_MS = 2 * MINUTE_MS;
/** A fault that returns within this time is the same incident again. */
export const REOPEN_WITHIN_MS = 5 * MINUTE_MS;
/** One in a hundred: whoever has less is in the list of causes, and blamed by nobody. */
const NAMED_SCORE = 0.01;
/** What nobody is known to be at fault for is told when it shows again within so long: in two windows of four. */
export const CONFIRMED_WITHIN_MS = 3 * WINDOW_MS;
/** Blaming the same service says more than any number of operations that both affect. */
const SAME_SUSPECT = 1000;
const MAX_EXEMPLARS = 10;

export interface Change {
  incident: Incident;
  /** What somebody may have to be told; null when nothing but figures changed. */
  event: { kind: IncidentEventKind; reason: string } | null;
  /** The incident as that is told, where it is told otherwise than it is kept. */
  told?: Incident;
}

/**
 * What one window does to a tenant's incidents: `known` are those unresolved or resolved within REOPEN_WITHIN_MS. Groups join the
 * incident they belong to or open a new one; incidents without a group grow quiet, but only in a window of which something is known
 * (`hasData`): silence is not recovery. Returns only what changed.
 */
export function step(
  known: readonly Incident[],
  groups: readonly AnomalyGroup[],
  window: { atMs: number; hasData: boolean; before?: readonly AnomalyGroup[] },
  create: { tenantId: number; idOf: (groupNo: number) => string },
): Change[] {
  const nowMs = window.atMs + WINDOW_MS;
  const joined = new Map<string, AnomalyGroup[]>();
  const changes: Change[] = [];
  groups.forEach((group, groupNo) => {
    const home = homeOf(group, known, nowMs);
    if (home !== null) {
      joined.set(home.id, [...(joined.get(home.id) ?? []), group]);
      return;
    }
    if (!isPlain(group) && !(window.before ?? []).some((earlier) => isSame(earlier, group))) return;
    const incident = open(group, create.idOf(groupNo), create.tenantId, nowMs);
    const reason = `${incident.affected.length} deviating series, first at ${new Date(group.sinceMs).toISOString()}`;
    changes.push({ incident, event: { kind: 'opened', reason } });
  });
  const blamed = new Set(groups.flatMap((group) => blamedBy(group).map(({ service }) => service)));
  for (const incident of known) {
    const its = joined.get(incident.id);
    const others = known.filter((other) => other !== incident && other.state !== 'resolved');
    const toldOf = others.flatMap(({ suspects = [] }) => suspects.filter(({ isTold }) => isTold));
    const toldElsewhere = new Set(toldOf.map(({ service }) => service));
    if (isLeftAlone(incident, nowMs)) {
      if (its !== undefined) changes.push(disregarded(incident, its, toldElsewhere, nowMs));
      else if (window.hasData)
        changes.push({ incident: { ...incident, quietWindows: incident.quietWindows + 1 }, event: null });
    } else if (its !== undefined) changes.push(continued(incident, its, toldElsewhere, nowMs));
    else if (
      incident.state === 'open' &&
      incident.suspects?.some(({ isTold, service }) => isTold && blamed.has(service))
    ) {
      // What it blames is still at fault, in a group that is another incident's.
      changes.push({ incident: { ...incident, lastSeenMs: nowMs, quietWindows: 0 }, event: null });
    } else if (incident.state !== 'resolved' && window.hasData) changes.push(quieter(incident, nowMs));
  }
  return changes;
}

/** Somebody resolved it, and what deviated has not been quiet since for as long as it takes to be over. */
function isLeftAlone({ state, resolvedBy, quietWindows, lastSeenMs }: Incident, nowMs: number): boolean {
  if (state !== 'resolved' || resolvedBy == null) return false;
  return quietWindows < RESOLVED_AFTER_WINDOWS || nowMs - lastSeenMs < RESOLVED_AFTER_MS;
}

/** What goes on of an incident that somebody resolved is known to them; that it gets worse or has another cause is not. */
function disregarded(
  before: Incident,
  groups: readonly AnomalyGroup[],
  toldElsewhere: ReadonlySet<string>,
  nowMs: number,
): Change {
  const { incident, told } = continued({ ...before, state: 'open' }, groups, toldElsewhere, nowMs);
  if (told === undefined && incident.severity === before.severity) {
    const { suspects } = incident;
    return { incident: { ...before, suspects, lastSeenMs: nowMs, quietWindows: 0 }, event: null };
  }
  const what = told === undefined ? `${before.severity} became ${incident.severity}` : 'another cause';
  const reason = `${what} after ${before.resolvedBy} resolved it`;
  const again = { flaps: before.flaps + 1 };
  const event = { kind: 'reopened' as const, reason };
  return { incident: { ...incident, ...again }, event, ...(told && { told: { ...told, ...again } }) };
}

/** Whether it is known who is at fault, or users feel it plainly. */
function isPlain({ severity, roots, causes: [first] }: AnomalyGroup): boolean {
  if (severity === 'critical' || roots === undefined || roots.length > 0 || first === undefined) return true;
  return first.score >= PLAIN_SCORE && !first.evidence.some(({ kind }) => kind === 'deviates');
}

/** Whether two groups show the same: they affect the same operation, or blame the same service. */
function isSame(a: AnomalyGroup, b: AnomalyGroup): boolean {
  const operations = new Set(a.affected.map(({ operationId }) => operationId));
  return (
    b.affected.some(({ operationId }) => operations.has(operationId)) || a.causes[0]?.service === b.causes[0]?.service
  );
}

/** Whether a group's first cause is one of the first three of an incident. */
function blamesSame({ causes: [first] }: AnomalyGroup, incident: Incident): boolean {
  const suspects = incident.causes.slice(0, 3).filter(({ score }, i) => i === 0 || score >= NAMED_SCORE);
  return first !== undefined && suspects.some(({ service }) => service === first.service);
}

/**
 * An open incident takes every group that touches what it affects, unless it is settled whom it blames and the group plainly blames somebody
 * who is not among them: that is another fault at the same entry. One that is quiet
 * already, or has not been seen for as long as it takes to be over (a gap in the stream), takes a group only if they blame the same service.
 */
function homeOf(group: AnomalyGroup, known: readonly Incident[], nowMs: number): Incident | null {
  const operations = new Set(group.affected.map((affected) => affected.operationId));
  let best: { incident: Incident; overlap: number } | null = null;
  for (const incident of known) {
    if (incident.state === 'resolved' && overMs(incident) + REOPEN_WITHIN_MS < nowMs) continue;
    const sameSuspect = blamesSame(group, incident);
    const isOn = incident.state === 'open' || isLeftAlone(incident, nowMs);
    const isCurrent = isOn && nowMs - incident.lastSeenMs < RESOLVED_AFTER_MS;
    if (!sameSuspect && (!isCurrent || isAnother(group, incident, nowMs))) continue;
    const shared = incident.affected.filter((affected) => operations.has(affected.operationId)).length;
    const overlap = shared + (sameSuspect ? SAME_SUSPECT : 0);
    if (overlap > 0 && (best === null || overlap > best.overlap)) best = { incident, overlap };
  }
  return best?.incident ?? null;
}

/** Since when it is over; one that somebody resolved is when it is not seen any more. */
function overMs({ resolvedMs, resolvedBy, lastSeenMs }: Incident): number {
  return Math.max(resolvedMs ?? 0, resolvedBy == null ? 0 : lastSeenMs);
}

/** Whether a group is another fault than the incident whose operations it touches. */
function isAnother({ roots = [], causes: [first] }: AnomalyGroup, incident: Incident, nowMs: number): boolean {
  return (
    first !== undefined &&
    first.score >= PLAIN_SCORE &&
    nowMs - incident.openedMs >= SETTLED_AFTER_MS &&
    incident.causes.every((cause) => cause.service !== first.service || cause.score < FAINT_SCORE) &&
    !incident.suspects?.some(({ isTold, service }) => isTold && roots.some((root) => root.service === service))
  );
}

function open(group: AnomalyGroup, id: string, tenantId: number, nowMs: number): Incident {
  return {
    id,
    tenantId,
    state: 'open',
    severity: group.severity,
    startedMs: group.sinceMs,
    openedMs: nowMs,
    lastSeenMs: nowMs,
    resolvedMs: null,
    quietWindows: 0,
    flaps: 0,
    causes: group.causes,
    suspects: suspectsOf(group, nowMs),
    affected: group.affected,
    exemplars: group.exemplars,
  };
}

function continued(
  before: Incident,
  groups: readonly AnomalyGroup[],
  toldElsewhere: ReadonlySet<string>,
  nowMs: number,
): Change {
  const severity = worstOf(groups, before.severity);
  const incident = {
    ...before,
    state: 'open' as const,
    severity,
    lastSeenMs: nowMs,
    resolvedMs: null,
    resolvedBy: null,
    quietWindows: 0,
    flaps: before.flaps + (before.state === 'open' ? 0 : 1),
    causes: mergeCauses(before.causes, groups),
    suspects: mergeSuspects(before, groups, nowMs),
    affected: groups.reduce((all, group) => mergeAffected(all, group.affected), before.affected),
    exemplars: [...new Set([...groups.flatMap((group) => group.exemplars), ...before.exemplars])].slice(
      0,
      MAX_EXEMPLARS,
    ),
  };
  if (before.state === 'resolved') {
    const quietS = Math.round((nowMs - (before.resolvedMs ?? nowMs)) / 1000);
    const named = new Set(groups.flatMap((group) => suspectsOf(group, nowMs).map(({ service }) => service)));
    const suspects = incident.suspects.map((suspect) =>
      named.has(suspect.service) ? asTold(suspect, nowMs) : { ...suspect, isTold: false },
    );
    return {
      incident: { ...incident, suspects },
      event: { kind: 'reopened', reason: `came back ${quietS} s after it was resolved` },
    };
  }
  const news = newsOf(incident.suspects, toldElsewhere);
  if (news.length > 0) return withNews(incident, news, groups, nowMs);
  if (severity !== before.severity) {
    return { incident, event: { kind: 'escalated', reason: `${before.severity} became ${severity}` } };
  }
  return { incident, event: null };
}

/** Tells of services that came to be at fault, or at fault in another way: they stand first in what is told, as they were seen now. */
function withNews(
  before: Incident & { suspects: Suspect[] },
  news: readonly News[],
  groups: readonly AnomalyGroup[],
  nowMs: number,
): Change {
  const named = new Set(news.map(({ service }) => service));
  const suspects = before.suspects.map((each) => (named.has(each.service) ? asTold(each, nowMs) : each));
  const incident = { ...before, suspects };
  const now = groups.flatMap(({ causes }) => causes.filter(({ service }) => named.has(service)));
  const first = now.toSorted((a, b) => b.score - a.score || a.operationId - b.operationId);
  const isNow = new Set(first.map(({ operationId }) => operationId));
  const causes = [...first, ...incident.causes.filter(({ operationId }) => !isNow.has(operationId))];
  const reason = news.map(({ service, what }) => `${displayText(service, 60)} ${what}`).join(', ');
  return {
    incident,
    event: { kind: 'another_cause', reason },
    told: { ...incident, causes: causes.slice(0, MAX_LISTED) },
  };
}

function quieter(before: Incident, nowMs: number): Change {
  const quietWindows = before.quietWindows + 1;
  const quietMs = nowMs - before.lastSeenMs;
  const neededMs = before.flaps === 0 ? RESOLVED_AFTER_MS : 2 * RESOLVED_AFTER_MS;
  // A gap in the stream as long as that ends it too, once the first windows after it are quiet: what is plain shows again in them.
  const gapMs = quietMs - quietWindows * WINDOW_MS;
  const neededWindows = gapMs >= neededMs ? RECOVERING_AFTER : RESOLVED_AFTER_WINDOWS;
  if (quietWindows >= neededWindows && quietMs >= neededMs) {
    return {
      incident: { ...before, state: 'resolved', quietWindows, resolvedMs: nowMs },
      event: { kind: 'resolved', reason: `no deviation for ${quietMs / 1000} s` },
    };
  }
  const state = quietWindows >= RECOVERING_AFTER ? 'recovering' : before.state;
  return { incident: { ...before, state, quietWindows }, event: null };
}

function worstOf(groups: readonly AnomalyGroup[], least: Severity): Severity {
  return groups.reduce(
    (worst, { severity }) => (SEVERITIES.indexOf(severity) > SEVERITIES.indexOf(worst) ? severity : worst),
    least,
  );
}

/** Scores are averaged over windows, newest weighing most; evidence is that of the newest window that had any. */
function mergeCauses(before: readonly Cause[], groups: readonly AnomalyGroup[]): Cause[] {
  const newest = new Map<number, Cause>();
  for (const cause of groups.flatMap((group) => group.causes)) {
    const twin = newest.get(cause.operationId);
    if (twin === undefined || cause.score > twin.score) newest.set(cause.operationId, cause);
  }
  const merged = before.map((cause) => {
    const now = newest.get(cause.operationId);
    newest.delete(cause.operationId);
    const score = cause.score * (1 - NEWEST_WEIGHT) + (now?.score ?? 0) * NEWEST_WEIGHT;
    return { ...(now ?? cause), score };
  });
  for (const cause of newest.values()) merged.push({ ...cause, score: cause.score * NEWEST_WEIGHT });
  return merged
    .filter((cause) => cause.score > 0.005)
    .sort((a, b) => b.score - a.score || a.operationId - b.operationId)
    .slice(0, MAX_LISTED);
}

/** One entry a series, with its worst window. */
function mergeAffected(before: readonly Affected[], now: readonly Affected[]): Affected[] {
  const all = new Map(before.map((affected) => [`${affected.signal}:${affected.operationId}`, affected]));
  for (const affected of now) {
    const key = `${affected.signal}:${affected.operationId}`;
    const earlier = all.get(key);
    if (earlier === undefined) all.set(key, affected);
    else if (affected.score > earlier.score) all.set(key, { ...affected, sinceMs: earlier.sinceMs });
  }
  return [...all.values()].sort((a, b) => b.score - a.score).slice(0, MAX_LISTED);
}
