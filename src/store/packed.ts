import type { InstancePart } from '../model/instance.js';
import { emptyPaths, type Paths } from '../model/paths.js';

/** Paths as JSON carries them: [operation, µs, failed] for each part, µs rounded. */
export interface PackedPaths {
  traces: number;
  durationUs: number;
  failed: number;
  parts: [operationId: number, us: number, failed: number][];
}

export type PackedInstance = [instance: string, n: number, failed: number, us: number, gapUs: number];

export function packedPaths(paths: Paths | null): PackedPaths | null {
  if (paths === null) return null;
  const parts = [...paths.parts].map(([id, { us, failed }]): [number, number, number] => [id, Math.round(us), failed]);
  return { ...paths, durationUs: Math.round(paths.durationUs), parts };
}

export function unpackedPaths(packed: PackedPaths | null): Paths | null {
  if (packed === null) return null;
  const parts = new Map(packed.parts.map(([id, us, failed]) => [id, { us, failed }]));
  return { ...emptyPaths(), ...packed, parts };
}

export function packedInstances(instances: ReadonlyMap<string, InstancePart>): PackedInstance[] {
  return [...instances].map(([instance, { n, failed, us, gapUs }]) => [
    instance,
    n,
    failed,
    Math.round(us),
    Math.round(gapUs),
  ]);
}

export function unpackedInstances(packed: readonly PackedInstance[]): Map<string, InstancePart> {
  return new Map(packed.map(([instance, n, failed, us, gapUs]) => [instance, { n, failed, us, gapUs }]));
}
