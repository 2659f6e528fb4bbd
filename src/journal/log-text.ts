import { textOf } from './attributes.js';
import type { LogRange } from './log-scan.js';
import { decodeKeyValues, decodeLog, decodeValue, type WireKeyValue } from './otlp-descriptor.js';

/** A record as far as counting needs it. */
export interface LogText {
  severityNumber: number;
  severityText: string;
  text: string;
}

/** Fields of a structured body that hold the message, the first that is there. */
const MESSAGE_KEYS = ['message', 'msg', 'event', 'body', 'log'];
const MAX_KEYS = 20;

/**
 * What a record says, in one text: its event name, or its body (of a structured one the message, else its keys), and with an exception its
 * type.
 */
export function logText(bytes: Uint8Array, { from, to }: LogRange): LogText {
  const { severityNumber, severityText, eventName, body, attributes } = decodeLog(bytes.subarray(from, to));
  const said = eventName.length > 0 ? textOf(eventName) : bodyText(body);
  const exception = stringOf(attributes, 'exception.type');
  return {
    severityNumber,
    severityText: textOf(severityText),
    text: exception === null ? said : `${said} [${exception}]`,
  };
}

function bodyText(body: Uint8Array): string {
  if (body.length === 0) return '';
  const value = decodeValue(body);
  switch (value.value) {
    case 'stringValue':
      return textOf(value.stringValue);
    case 'kvlistValue': {
      const { values } = decodeKeyValues(value.kvlistValue);
      const message = MESSAGE_KEYS.map((key) => stringOf(values, key)).find((text) => text !== null);
      return (
        message ??
        `{${values
          .slice(0, MAX_KEYS)
          .map(({ key }) => textOf(key))
          .join(', ')}}`
      );
    }
    default:
      return `(${value.value ?? 'no body'})`;
  }
}

export function stringOf(pairs: readonly WireKeyValue[], name: string): string | null {
  const pair = pairs.find(({ key }) => textOf(key) === name);
  if (pair === undefined) return null;
  const value = decodeValue(pair.value);
  return value.value === 'stringValue' ? textOf(value.stringValue) : null;
}
