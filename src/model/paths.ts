/** Operations told apart below one entry; the time of others is part of the entry's duration only. */
const MAX_PARTS = 512;

/** Where the requests of one entry operation spent their time and where their failures began, added up over sampled traces. */
export interface Paths {
  traces: number;
  /** Sum of the entry spans' durations. */
  durationUs: number;
  failed: number;
  parts: Map<number, PathPart>;
}

export interface PathPart {
  /** Time of this operation's spans on the critical path of the entry. */
  us: number;
  /** Failed entries whose deepest failing span is of this operation. */
  failed: number;
}

export function emptyPaths(): Paths {
  return { traces: 0, durationUs: 0, failed: 0, parts: new Map() };
}

/** Adds to one operation's part; beyond a bounded number of operations nothing is added. */
export function addPart(paths: Paths, operationId: number, us: number, failed: number): void {
  const part = paths.parts.get(operationId);
  if (part !== undefined) {
    part.us += us;
    part.failed += failed;
  } else if (paths.parts.size < MAX_PARTS) {
    paths.parts.set(operationId, { us, failed });
  }
}

export function mergePaths(into: Paths, other: Paths): void {
  into.traces += other.traces;
  into.durationUs += other.durationUs;
  into.failed += other.failed;
  for (const [operationId, { us, failed }] of other.parts) addPart(into, operationId, us, failed);
}
