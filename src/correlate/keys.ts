import type { CorrelationScope } from '../model/correlation.js';
import { VERSION_KEYS } from '../model/version.js';

/** What may carry a secret is never looked at: a message would spread it. */
const SECRET = /authori[sz]ation|cookie|passw|secret|token|api[._-]?key|credential|session/i;
/** Says how long something took or when it was, which is what is to be explained. */
const TIMING = /(^|[._-])(duration|latency|elapsed|took|time|timestamp|ms|ns|us|millis|nanos|seconds|age)($|[._-])/i;
/** Numbers that only name something: more of them is not more of anything. */
const NAMING_NUMBER =
  /(^|[._-])(id|pid|tid|port|code|status|line|lineno|number|seq|sequence|offset|partition|version)$/i;
const SYMPTOM = /^(error|exception|otel\.status|status\.message)|status_?code$|grpc\.status|\.status$/i;
/** `service.name` names the place itself; the SDK's name says nothing about a fault. */
const SELF_EVIDENT = /^(service\.name|telemetry\.sdk\.|telemetry\.auto)/;

const ID_SHAPES = [
  /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i,
  /^(0x)?[0-9a-f]{16,}$/i,
  /^[0-9][0-9 :._-]{8,}$/,
  /^\d{4}-\d\d-\d\d[T ]\d\d:/,
  /^[^\s@]+@[^\s@]+\.[^\s@]+$/,
  // Base64 and the like: long, no spaces, letters of both cases and digits.
  /^(?=.*[a-z])(?=.*[A-Z])(?=.*\d)[\w+/=.-]{24,}$/,
];

/** Whether a value of the key may be told to people at all, and could say anything. */
export function isTellable(key: string): boolean {
  return !SECRET.test(key) && !SELF_EVIDENT.test(key);
}

/** Whether a value has the shape of an id, a time or an address of a person, which name one trace rather than what many share. */
export function looksLikeId(value: string): boolean {
  return ID_SHAPES.some((shape) => shape.test(value));
}

/** Whether more or less of a number can mean something, so that it is worth asking above which value the bad traces lie. */
export function isAmount(key: string): boolean {
  return !NAMING_NUMBER.test(key);
}

/** Whether a number restates the time that something took or happened. */
export function isTiming(key: string): boolean {
  return TIMING.test(key);
}

/** Whether the attribute says that something failed rather than why. */
export function isSymptom(scope: CorrelationScope, key: string, value: string): boolean {
  if (SYMPTOM.test(key)) return true;
  return scope === 'event' && (/^exception/i.test(key) || (key === 'name' && /^(exception|error)$/i.test(value)));
}

/** Of attributes on the same traces, those that people know best: versions, then instances, then places, then the rest. */
const TELLING = [
  ...VERSION_KEYS,
  'k8s.pod.name',
  'service.instance.id',
  'host.name',
  'container.name',
  'k8s.node.name',
  'cloud.availability_zone',
  'cloud.region',
  'k8s.deployment.name',
  'deployment.environment.name',
];

/** The smaller, the more telling the key. */
export function tellingRank(scope: CorrelationScope, key: string): number {
  const rank = scope === 'resource' ? TELLING.indexOf(key) : -1;
  if (rank !== -1) return rank;
  return TELLING.length + (scope === 'span' ? 0 : scope === 'event' ? 1 : 2);
}
