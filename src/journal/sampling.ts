/** A stated probability below 1 in 10,000 counts as 1 in 10,000: one forged span must not outweigh a service. */
const MAX_WEIGHT = 10_000;
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

/** Value of a lower-case hex digit, -1 for any other byte. */
function hexDigit(byte: number): number {
  if (byte >= 0x30 && byte <= 0x39) return byte - 0x30;
  if (byte >= 0x61 && byte <= 0x66) return byte - 0x57;
  return -1;
}
