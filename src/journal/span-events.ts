import { textOf } from './attributes.js';
import { stringOf } from './log-text.js';
import { decodeSpan } from './otlp-descriptor.js';

const MAX_EVENTS = 32;

/** What the events of a span (as it lies in its segment) say: of an exception its type and message, else the event's name. */
export function eventTexts(span: Uint8Array): { text: string; isException: boolean }[] {
  return decodeSpan(span)
    .events.slice(0, MAX_EVENTS)
    .map(({ name, attributes }) => {
      const type = stringOf(attributes, 'exception.type');
      const message = stringOf(attributes, 'exception.message');
      if (type === null && message === null) return { text: textOf(name), isException: false };
      return { text: [type ?? 'exception', message ?? ''].filter((part) => part !== '').join(': '), isException: true };
    });
}
