import type { Finding } from '../model/anomaly.js';
import type { Baselines } from '../model/baseline.js';
import type { Cause, InstanceShare } from '../model/cause.js';
import type { Way } from '../model/group.js';
import type { Operation } from '../model/operation.js';
import type { WindowMeasure } from '../model/rollup.js';
import { suspect } from './blame.js';
import { candidatesOf, hotOperations } from './candidates.js';
import { above, type CallGraph } from './graph.js';
import { unseenCallees } from './group.js';
import { scored } from './score.js';

/** More likely than not. */
const LIKELY = 0.5;
/** Part of the added time, failures or events of a group that is no small matter beside the rest: what is less may be an echo of it. */
const MIN_SHARE = 0.2;
/** Attributes that name a place which several services may share. */
const PLACES: ReadonlySet<string> = new Set(['host.name', 'k8s.node.name']);

/** A service that is at fault for what it shows itself. */
export interface GroupRoot {
  service: string;
  /** Probability that it is at fault, by its own findings. */
  score: number;
  findings: Finding[];
  /** Names of deviating calls of it to what makes no spans. */
  behind: string[];
  /** Where in it the trouble sits. */
  instances: readonly InstanceShare[];
  /** In which ways it is, each by the findings of that kind alone. */
  ways: Way[];
}

type OwnRanking = (findings: readonly Finding[]) => Cause[];

/** Ranks some findings as if nothing else had been found. */
function ownRanking(
  graph: CallGraph,
  windowsSince: (sinceMs: number) => readonly WindowMeasure[],
  baselines: Baselines,
  operations: ReadonlyMap<number, Operation>,
): OwnRanking {
  return (findings) => {
    const windows = windowsSince(Math.min(...findings.map((finding) => finding.sinceMs)));
    const candidates = candidatesOf(findings, graph, operations);
    return scored(suspect(candidates, graph, windows, baselines, operations, findings));
  };
}

/** Of the ways in which a service at fault deviates, those that blame it by themselves: slowness alone may come from what fails elsewhere. */
function waysOf(service: string, findings: readonly Finding[], rankOwn: OwnRanking): Way[] {
  const its = new Map<Way, Finding[]>();
  for (const finding of findings) its.set(wayOf(finding), [...(its.get(wayOf(finding)) ?? []), finding]);
  if (its.size === 1) return [...its.keys()];
  return [...its].flatMap(([way, alone]) => {
    const [first] = rankOwn(alone);
    return first?.service === service && first.score >= LIKELY ? [way] : [];
  });
}

function wayOf({ signal, pattern }: Finding): Way {
  if (signal === 'traffic') return 'traffic';
  if (signal === 'errors' || signal === 'events') return 'failing';
  return signal === 'calls' && pattern !== 'repeated' ? 'failing' : 'slow';
}

/**
 * The services of a group whose own findings, ranked as if nothing else had been found, blame themselves: what suffers from somebody else has
 * that one downstream, and blames it. One fault has one root (or none, when it is not seen where it is); several roots are several faults. Only services among `causes`
 * are asked. Best first.
 */
export function rootsOf(
  group: readonly Finding[],
  causes: readonly Cause[],
  graph: CallGraph,
  windowsSince: (sinceMs: number) => readonly WindowMeasure[],
  baselines: Baselines,
  operations: ReadonlyMap<number, Operation>,
): GroupRoot[] {
  const own = new Map<string, Finding[]>();
  for (const finding of group) {
    const service = operations.get(finding.operationId)?.service;
    if (service === undefined || !causes.some((cause) => cause.service === service)) continue;
    own.set(service, [...(own.get(service) ?? []), finding]);
  }
  const rankOwn = ownRanking(graph, windowsSince, baselines, operations);
  const isWhole = own.size === 1 && [...own.values()][0]!.length === group.length;
  return [...own]
    .flatMap(([service, findings]): GroupRoot[] => {
      const [first] = isWhole ? causes : rankOwn(findings);
      if (first === undefined || first.service !== service || first.score < LIKELY) return [];
      const behind = [...new Set(unseenCallees(hotOperations(findings), graph, operations))];
      return [
        {
          service,
          score: first.score,
          findings,
          behind,
          instances: first.instances ?? [],
          ways: waysOf(service, findings, rankOwn),
        },
      ];
    })
    .sort((a, b) => b.score - a.score || (a.service < b.service ? -1 : 1));
}

/**
 * Those roots that are told of: of several that call the same thing that makes no spans only the first, since it may be that thing; and none with
 * less than a fifth of everything that the group's causes have of its kind.
 */
export function toldRoots(roots: readonly GroupRoot[], causes: readonly Cause[]): GroupRoot[] {
  const seen = new Set<string>();
  return roots.filter(({ service, behind }) => {
    const isSeen = behind.some((name) => seen.has(name));
    for (const name of behind) seen.add(name);
    if (isSeen) return false;
    const shares = new Map<string, number>();
    for (const { kind, share } of causes
      .filter((cause) => cause.service === service)
      .flatMap(({ evidence }) => evidence))
      shares.set(kind, (shares.get(kind) ?? 0) + share);
    return Math.max(0, ...shares.values()) >= MIN_SHARE;
  });
}

/**
 * The findings of a group with several roots, a part for each set of roots that have something to do with each other. Two have nothing to
 * do with each other when no operation reaches both, so that no request can meet both; when they do not call the same thing that makes no spans; and
 * when they do not sit on the same host. A finding goes with the root that it reaches, what reaches none with the first.
 */
export function partedByRoots(
  group: readonly Finding[],
  roots: readonly GroupRoot[],
  graph: CallGraph,
  operations: ReadonlyMap<number, Operation>,
): { findings: Finding[]; services: ReadonlySet<string> }[] {
  const surroundings = roots.map(({ findings, behind, instances }) => {
    const hot = hotOperations(findings);
    return {
      reaching: new Set([...hot, ...above(graph, hot)]),
      unseen: new Set(behind),
      places: new Set(instances.filter(({ attribute }) => PLACES.has(attribute)).map(({ value }) => value)),
    };
  });
  type Surroundings = (typeof surroundings)[number];
  const isRelated = (a: Surroundings, b: Surroundings): boolean =>
    meet(a.reaching, b.reaching) || meet(a.unseen, b.unseen) || meet(a.places, b.places);
  const parts: { of: Surroundings[]; services: Set<string>; findings: Finding[] }[] = [];
  surroundings.forEach((each, i) => {
    const its = parts.filter(({ of }) => of.some((other) => isRelated(each, other)));
    for (const part of its) parts.splice(parts.indexOf(part), 1);
    parts.push({
      of: [...its.flatMap(({ of }) => of), each],
      services: new Set([...its.flatMap(({ services }) => [...services]), roots[i]!.service]),
      findings: [],
    });
  });
  if (parts.length <= 1) return [{ findings: [...group], services: new Set(roots.map(({ service }) => service)) }];
  for (const finding of group) {
    const service = operations.get(finding.operationId)?.service ?? '';
    const hot = new Set(hotOperations([finding]));
    const home =
      parts.find(({ services }) => services.has(service)) ??
      parts.find(({ of }) => of.some(({ reaching }) => meet(reaching, hot))) ??
      parts[0]!;
    home.findings.push(finding);
  }
  return parts;
}

function meet<T>(a: ReadonlySet<T>, b: ReadonlySet<T>): boolean {
  const [fewer, more] = a.size < b.size ? [a, b] : [b, a];
  for (const each of fewer) if (more.has(each)) return true;
  return false;
}
