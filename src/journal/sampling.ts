import { WireReader } from './wire.js';

/** A stated probability below 1 in 10,000 counts as 1 in 10,000: one forged span must not outweigh a service. */
const MAX_WEIGHT = 10_000;
/** No attribute that states a rate needs more. */
const MAX_NUMBER_CHARACTERS = 24;
/** Tags of KeyValue, and of the values in AnyValue that are numbers. */
const KEY = 0x0a;
const VALUE = 0x12;
const STRING = 0x0a;
const INT = 0x18;
const DOUBLE = 0x21;
const COMMA = 0x2c;
const SEMICOLON = 0x3b;
const SPACE = 0x20;
const TAB = 0x09;

/**
 * Sampling weight (1 / probability) that a W3C tracestate in bytes [from, to) states as `ot=…;th:<1 to 14 hex digits>`; 0 when it states none.
 * Source: OpenTelemetry, "TraceState: Probability Sampling": weight = 2^56 / (2^56 − T), T being the digits padded with zeros to 14.
 */
export function samplingWeight(bytes: Uint8Array, from: number, to: number): number {
  let at = from;
  while (at < to) {
    while (at < to && (bytes[at] === SPACE || bytes[at] === TAB)) at++;
    let end = at;
    while (end < to && bytes[end] !== COMMA) end++;
    if (bytes[at] === 0x6f && bytes[at + 1] === 0x74 && bytes[at + 2] === 0x3d && at + 3 <= end)
      return threshold(bytes, at + 3, end);
    at = end + 1;
  }
  return 0;
}

function threshold(bytes: Uint8Array, from: number, to: number): number {
  let at = from;
  while (at < to) {
    let end = at;
    while (end < to && bytes[end] !== SEMICOLON) end++;
    if (bytes[at] === 0x74 && bytes[at + 1] === 0x68 && bytes[at + 2] === 0x3a && at + 3 <= end)
      return weight(bytes, at + 3, end);
    at = end + 1;
  }
  return 0;
}

function weight(bytes: Uint8Array, from: number, to: number): number {
  let end = to;
  while (end > from && (bytes[end - 1] === SPACE || bytes[end - 1] === TAB)) end--;
  const digits = end - from;
  if (digits < 1 || digits > 14) return 0;
  // 56 bits do not fit a double: two halves of 28 do.
  let high = 0;
  let low = 0;
  for (let i = 0; i < 14; i++) {
    const digit = i < digits ? hexDigit(bytes[from + i]!) : 0;
    if (digit < 0) return 0;
    if (i < 7) high = high * 16 + digit;
    else low = low * 16 + digit;
  }
  const kept = (2 ** 28 - high) * 2 ** 28 - low;
  return Math.min(2 ** 56 / kept, MAX_WEIGHT);
}

/**
 * Sampling weight that a KeyValue in bytes [from, to), known to be well formed, states when its key is one of `keys`: a number from 1 is the
 * weight, one between 0 and 1 the probability; 0 for any other attribute or value.
 */
export function attributeWeight(bytes: Uint8Array, from: number, to: number, keys: readonly Uint8Array[]): number {
  const reader = new WireReader(bytes, from);
  let isWanted = false;
  let value = 0;
  while (reader.pos < to) {
    const tag = reader.tag(to);
    if (tag !== KEY && tag !== VALUE) {
      reader.skip(tag & 7, to);
      continue;
    }
    const end = reader.length(to);
    if (tag === VALUE) value = numberIn(bytes, reader.pos, end);
    else {
      const { pos } = reader;
      isWanted = keys.some((key) => key.length === end - pos && key.every((byte, i) => bytes[pos + i] === byte));
      if (!isWanted) return 0;
    }
    reader.pos = end;
  }
  if (!isWanted || !(value > 0)) return 0;
  return Math.min(value < 1 ? 1 / value : value, MAX_WEIGHT);
}

/** The number in an AnyValue: an integer, a double or a text of digits; NaN for anything else. */
function numberIn(bytes: Uint8Array, from: number, to: number): number {
  const reader = new WireReader(bytes, from);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let value = NaN;
  while (reader.pos < to) {
    const tag = reader.tag(to);
    value = NaN;
    if (tag === INT) {
      const at = reader.pos;
      const int = reader.varint(to);
      // Negative ones have ten bytes.
      if (reader.pos - at <= 4) value = int;
    } else if (tag === DOUBLE) value = view.getFloat64(reader.fixed(8, to), true);
    else if (tag === STRING) {
      const end = reader.length(to);
      const text = Buffer.from(bytes.subarray(reader.pos, Math.min(end, reader.pos + MAX_NUMBER_CHARACTERS + 1)));
      if (/^[0-9]{1,12}(\.[0-9]{1,12})?$/.test(text.toString('latin1'))) value = Number(text.toString('latin1'));
      reader.pos = end;
    } else reader.skip(tag & 7, to);
  }
  return value;
}

/** Value of a lower-case hex digit, -1 for any other byte. */
function hexDigit(byte: number): number {
  if (byte >= 0x30 && byte <= 0x39) return byte - 0x30;
  if (byte >= 0x61 && byte <= 0x66) return byte - 0x57;
  return -1;
}
