import { FIXED32, FIXED64, LEN, VARINT } from './wire.js';

/** Wire types of a message's known fields by field number, as opentelemetry-proto 1.11 states them. */
export interface Shape {
  message: string;
  types: readonly (number | undefined)[];
  /** Field number of its repeated KeyValue, 0 for none. */
  attributes: number;
}
export const REQUEST: Shape = { message: 'request', types: [, LEN], attributes: 0 };
export const RESOURCE_SPANS: Shape = { message: 'ResourceSpans', types: [, LEN, LEN, LEN], attributes: 0 };
export const RESOURCE: Shape = { message: 'Resource', types: [, LEN, VARINT, LEN], attributes: 1 };
export const SCOPE_SPANS: Shape = { message: 'ScopeSpans', types: [, LEN, LEN, LEN], attributes: 0 };
export const SCOPE: Shape = { message: 'InstrumentationScope', types: [, LEN, LEN, LEN, VARINT], attributes: 3 };
// prettier-ignore
export const SPAN: Shape = {
  message: 'Span',
  types: [, LEN, LEN, LEN, LEN, LEN, VARINT, FIXED64, FIXED64, LEN, VARINT, LEN, VARINT, LEN, VARINT, LEN, FIXED32],
  attributes: 9,
};
export const EVENT: Shape = { message: 'Event', types: [, FIXED64, LEN, LEN, VARINT], attributes: 3 };
export const LINK: Shape = { message: 'Link', types: [, LEN, LEN, LEN, LEN, VARINT, FIXED32], attributes: 4 };
export const STATUS: Shape = { message: 'Status', types: [, undefined, LEN, VARINT], attributes: 0 };
export const RESOURCE_LOGS: Shape = { message: 'ResourceLogs', types: [, LEN, LEN, LEN], attributes: 0 };
export const SCOPE_LOGS: Shape = { message: 'ScopeLogs', types: [, LEN, LEN, LEN], attributes: 0 };
// prettier-ignore
export const LOG_RECORD: Shape = {
  message: 'LogRecord',
  types: [, FIXED64, VARINT, LEN, undefined, LEN, LEN, VARINT, FIXED32, LEN, LEN, FIXED64, LEN],
  attributes: 6,
};
export const KEY_VALUE: Shape = { message: 'KeyValue', types: [, LEN, LEN], attributes: 0 };
export const ANY_VALUE: Shape = {
  message: 'AnyValue',
  types: [, LEN, VARINT, VARINT, FIXED64, LEN, LEN, LEN],
  attributes: 0,
};
const ARRAY_VALUE: Shape = { message: 'ArrayValue', types: [, LEN], attributes: 0 };
const KEY_VALUE_LIST: Shape = { message: 'KeyValueList', types: [, LEN], attributes: 0 };

/** The message behind a tag when an attribute's value is descended into; null when the field is not descended into. */
export function childOf(shape: Shape, tag: number): Shape | null {
  switch (shape) {
    case KEY_VALUE:
      return tag === 0x12 ? ANY_VALUE : null;
    case ANY_VALUE:
      return tag === 0x2a ? ARRAY_VALUE : tag === 0x32 ? KEY_VALUE_LIST : null;
    case ARRAY_VALUE:
      return tag === 0x0a ? ANY_VALUE : null;
    case KEY_VALUE_LIST:
      return tag === 0x0a ? KEY_VALUE : null;
    default:
      return null;
  }
}
