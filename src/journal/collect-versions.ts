import { PLACE_KEYS, type SeenVersion, VERSION_KEYS } from '../model/version.js';
import { attributesOf } from './attributes.js';
import { decodeResource } from './otlp-descriptor.js';
import type { SpanTable } from './span-table.js';
import { LEN, WireReader } from './wire.js';

/** UTF-16 units of a version; what is longer is not one. */
const MAX_LENGTH = 120;
/** Versions noted of one service by one collector: what invents more is not deploying. */
const MAX_A_SERVICE = 50;
const CONTROLS = /[\u0000-\u001f\u007f-\u009f]/;
const RESOURCE_TAG = (1 << 3) | LEN;

/** Notes which versions of services were at work, where they run, and when. */
export class VersionCollector {
  private readonly seen = new Map<string, SeenVersion>();
  private readonly perService = new Map<number, number>();
  private readonly resources = new WeakMap<SpanTable, Map<number, readonly [key: string, value: string][]>>();

  /** Takes span `i`, which belongs to the service. */
  add(spans: SpanTable, i: number, serviceId: number): void {
    for (const [key, value] of this.versionsOf(spans, spans.resource[i]!)) {
      const name = `${serviceId} ${key} ${value}`;
      const atMs = Math.floor(spans.endUs[i]! / 1_000);
      const known = this.seen.get(name);
      if (known !== undefined) {
        known.firstMs = Math.min(known.firstMs, atMs);
        known.lastMs = Math.max(known.lastMs, atMs);
        continue;
      }
      const n = this.perService.get(serviceId) ?? 0;
      if (n >= MAX_A_SERVICE) continue;
      this.perService.set(serviceId, n + 1);
      this.seen.set(name, { serviceId, key, value, firstMs: atMs, lastMs: atMs });
    }
  }

  result(): SeenVersion[] {
    return [...this.seen.values()];
  }

  private versionsOf(spans: SpanTable, resource: number): readonly [key: string, value: string][] {
    let known = this.resources.get(spans);
    if (known === undefined) this.resources.set(spans, (known = new Map()));
    let versions = known.get(resource);
    if (versions === undefined) known.set(resource, (versions = readVersions(spans, resource)));
    return versions;
  }
}

function readVersions({ bytes, resources }: SpanTable, resource: number): [key: string, value: string][] {
  const versions: [key: string, value: string][] = [];
  const { from, to } = resources[resource]!;
  const reader = new WireReader(bytes, from);
  while (reader.pos < to) {
    const at = reader.pos;
    const tag = reader.tag(to);
    reader.skip(tag & 7, to);
    if (tag !== RESOURCE_TAG) continue;
    // Decoded without the spans that follow it.
    for (const { key, value } of attributesOf(
      decodeResource(bytes.subarray(at, reader.pos)).resource?.attributes ?? [],
    )) {
      if (!VERSION_KEYS.includes(key) && !PLACE_KEYS.includes(key)) continue;
      for (const each of Array.isArray(value) ? value.slice(0, 4) : [value]) {
        if (typeof each === 'string' && each !== '' && each.length <= MAX_LENGTH && !CONTROLS.test(each))
          versions.push([key, each]);
      }
    }
  }
  return versions;
}
