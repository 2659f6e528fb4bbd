import { decodeKeyValues, decodeValue, decodeValues } from './otlp-descriptor.js';
import type { WireKeyValue } from './otlp-descriptor.js';
import type { Attribute, AttributeValue } from './stored-trace.js';

/** The deepest nesting that the receiver can be configured to accept; what lies below is shown as null. */
const MAX_DEPTH = 1_000;

/** Attributes as JSON can carry them, in the order in which they were sent. */
export function attributesOf(pairs: readonly WireKeyValue[]): Attribute[] {
  return pairs.map(({ key, value }) => ({ key: textOf(key), value: valueOf(value, 0) }));
}

/** UTF-8 bytes as text; what is not UTF-8 becomes U+FFFD. */
export function textOf(bytes: Uint8Array): string {
  return asBuffer(bytes).toString('utf8');
}

export function hexOf(bytes: Uint8Array): string {
  return asBuffer(bytes).toString('hex');
}

export function valueOf(bytes: Uint8Array, depth: number): AttributeValue {
  if (depth > MAX_DEPTH) return null;
  const any = decodeValue(bytes);
  switch (any.value) {
    case 'stringValue':
      return textOf(any.stringValue);
    case 'boolValue':
      return any.boolValue;
    case 'intValue':
      return integerOf(any.intValue.toString());
    case 'doubleValue':
      return Number.isFinite(any.doubleValue) ? any.doubleValue : String(any.doubleValue);
    case 'bytesValue':
      return asBuffer(any.bytesValue).toString('base64');
    case 'arrayValue':
      return decodeValues(any.arrayValue).values.map((value) => valueOf(value, depth + 1));
    case 'kvlistValue':
      return objectOf(decodeKeyValues(any.kvlistValue).values, depth + 1);
    case undefined:
      return null;
  }
}

/** Without a prototype, so that a key such as __proto__ is a key like any other. */
function objectOf(pairs: readonly WireKeyValue[], depth: number): { [key: string]: AttributeValue } {
  const object = Object.create(null) as { [key: string]: AttributeValue };
  for (const { key, value } of pairs) object[textOf(key)] = valueOf(value, depth);
  return object;
}

function integerOf(decimal: string): number | string {
  const number = Number(decimal);
  return Number.isSafeInteger(number) ? number : decimal;
}

/** A missing field is an empty plain array in protobufjs. */
function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes);
}
