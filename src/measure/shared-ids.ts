import { KIND_SERVER, type StructuralSpan } from '../model/span.js';

/**
 * Zipkin's way is one id for both ends of a call: the server's span has that of its client, and its children name it as their parent. Puts the server's span below the client's, under an id of
 * its own, and below it what was its child: all but what else the client's service does. The same list where nothing is shared.
 */
export function apart(spans: readonly StructuralSpan[]): readonly StructuralSpan[] {
  const clients = new Map<string, StructuralSpan>();
  const servers = new Map<string, StructuralSpan>();
  for (const span of spans) (span.kind === KIND_SERVER ? servers : clients).set(span.spanId, span);
  if (clients.size + servers.size === new Set([...clients.keys(), ...servers.keys()]).size) return spans;
  const ownId = ({ spanId }: StructuralSpan): string => `${spanId} server`;
  return spans.map((span) => {
    if (servers.get(span.spanId) === span && clients.has(span.spanId)) {
      return { ...span, spanId: ownId(span), parentSpanId: span.spanId };
    }
    const [client, server] = [clients.get(span.parentSpanId), servers.get(span.parentSpanId)];
    if (client === undefined || server === undefined) return span;
    const isOfClient = span.serviceId === client.serviceId && client.serviceId !== server.serviceId;
    return isOfClient ? span : { ...span, parentSpanId: ownId(server) };
  });
}
