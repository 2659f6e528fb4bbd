/**
 * Resource attributes (OpenTelemetry semantic conventions) that say which of several equal ones served, from the narrowest to the widest:
 * what may be at fault when not the whole service is.
 */
export const INSTANCE_ATTRIBUTES = [
  'k8s.pod.name',
  'service.instance.id',
  'container.id',
  'host.name',
  'k8s.node.name',
  'service.version',
  'deployment.environment.name',
  'cloud.availability_zone',
  'cloud.region',
] as const;

const MAX_VALUE = 200;
/** Instances of one operation told apart in a window; others are counted nowhere. */
const MAX_INSTANCES = 64;

/** What the spans of one operation on one instance took together. */
export interface InstancePart {
  n: number;
  failed: number;
  /** Self time (of a client span with one server: the gap between the two). */
  us: number;
  /** Time between its callers and it. */
  gapUs: number;
}

/** One text for one instance: JSON of its [attribute, value] pairs; empty when the resource names none. */
export function instanceOf(attribute: (key: string) => unknown): string {
  const pairs = INSTANCE_ATTRIBUTES.flatMap((key) => {
    const value = attribute(key);
    return typeof value === 'string' && value !== '' ? [[key, value.slice(0, MAX_VALUE)]] : [];
  });
  return pairs.length === 0 ? '' : JSON.stringify(pairs);
}

/** Inverse of `instanceOf`. */
export function attributesOfInstance(instance: string): [attribute: string, value: string][] {
  return instance === '' ? [] : (JSON.parse(instance) as [string, string][]);
}

export function addInstance(parts: Map<string, InstancePart>, instance: string, add: InstancePart): void {
  const part = parts.get(instance);
  if (part !== undefined) {
    part.n += add.n;
    part.failed += add.failed;
    part.us += add.us;
    part.gapUs += add.gapUs;
  } else if (parts.size < MAX_INSTANCES) {
    parts.set(instance, { ...add });
  }
}
