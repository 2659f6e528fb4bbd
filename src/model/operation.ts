/** A named piece of work of one service: the unit that is measured and blamed. */
export interface Operation {
  id: number;
  serviceId: number;
  service: string;
  name: string;
  /** OTLP kind number, see SPAN_KIND. */
  kind: number;
}

/** The name that stands for all operations of a service beyond its cap. */
export const OVERFLOW_NAME = '__overflow__';

/** What a service without `service.name` is called, as the OpenTelemetry resource conventions ask. */
export const UNKNOWN_SERVICE = 'unknown_service';
