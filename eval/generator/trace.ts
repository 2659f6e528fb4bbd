import type { Operation } from '../../src/model/operation.js';
import type { SpanLink, StructuralSpan } from '../../src/model/span.js';
import type { Random } from './random.js';
import type { Call, Effect, Endpoint, Entry, Instance } from './system.js';

/** A span as the evaluation and the OTLP adapter need it. */
export interface GeneratedSpan extends StructuralSpan {
  instance: Instance;
  /** Share of traces that head sampling kept. */
  sampling: number;
  /** What an instrumentation would write into status and exception; empty when all is well. */
  failure: string;
}

interface Outcome {
  endUs: number;
  failed: boolean;
}

interface Context {
  traceId: string;
  sampling: number;
  links: readonly SpanLink[];
}

/** One request in ten thousand or so meets a garbage collection, a lock or a cold page. */
const TAIL_SHARE = 0.003;
/** How much slower a process is in its first seconds. */
const COLD_FACTOR = 1.5;
const MAX_RETRY_WAIT_US = 50_000;

/**
 * Lets requests run through a system, and gives each span to `emit` when it is known. A caller waits for what it calls unless it publishes or
 * gives up at its timeout; own time is spent before, between and after the calls.
 */
export class Tracer {
  constructor(
    private readonly random: Random,
    private readonly emit: (span: GeneratedSpan) => void,
  ) {}

  request(entry: Entry, startUs: number, seasonFactor: number): void {
    const context = { traceId: this.traceId(entry.sampling), sampling: entry.sampling, links: [] };
    this.run(entry.endpoint, startUs, '', context, seasonFactor);
  }

  /** Consistent probability sampling keeps traces whose randomness (the last 14 digits of the id) is high. */
  private traceId(sampling: number): string {
    const [first, second] = [this.random.hex16(), this.random.hex16()];
    if (sampling === 1) return first + second;
    const digit = this.random.int(16 - 16 * sampling, 15).toString(16);
    return first + second.slice(0, 2) + digit + second.slice(3);
  }

  private run(endpoint: Endpoint, startUs: number, parentSpanId: string, context: Context, load: number): Outcome {
    const { random } = this;
    const { service } = endpoint;
    const place = service.instances.length === 1 ? 0 : random.int(0, service.instances.length - 1);
    const instance = service.instances[place]!;
    const spanId = endpoint.operation === null ? parentSpanId : random.hex16();
    let ownUs = this.ownTime(endpoint, instance, startUs, load);
    let failure = random.chance(endpoint.errorRate) ? 'unexpected state' : '';
    let aborted = false;
    for (const effect of service.effects) {
      if (!isOn(effect, startUs, place)) continue;
      const before = ownUs;
      ownUs = ownUs * effect.slowFactor + effect.slowUs;
      if (random.chance(effect.hangShare)) ownUs += effect.hangUs;
      if (random.chance(effect.errorShare)) failure = 'database connection refused';
      if (random.chance(effect.abortShare)) [failure, aborted] = ['NullPointerException: order was null', true];
      if (ownUs !== before || failure !== '') effect.touched++;
    }
    const { calls } = endpoint;
    const pieceUs = ownUs / (aborted ? 1 : calls.length + 1);
    let nowUs = startUs + pieceUs;
    let groupUs = nowUs;
    for (let i = 0; i < calls.length && !aborted; i++) {
      const call = calls[i]!;
      const fromUs = call.isParallel ? groupUs : nowUs;
      const outcome = this.call(call, fromUs, spanId, context, load, place, instance);
      groupUs = fromUs;
      nowUs = Math.max(nowUs, outcome.endUs);
      if (outcome.failed && call.isCritical) {
        failure ||= 'upstream call failed';
        aborted = true;
      }
      nowUs += pieceUs;
    }
    if (endpoint.operation !== null) {
      this.span(endpoint.operation, instance, context, spanId, parentSpanId, startUs, nowUs, failure);
    }
    return { endUs: nowUs, failed: failure !== '' };
  }

  private ownTime(endpoint: Endpoint, instance: Instance, startUs: number, load: number): number {
    const { random } = this;
    const { wait, service } = endpoint;
    if (wait !== null) {
      const meanUs = wait.isLongerWhenQuiet ? wait.meanUs / load : wait.meanUs;
      return Math.min(random.exponential(meanUs), wait.capUs) + endpoint.ownUs;
    }
    // Busier is a little slower.
    let us = endpoint.ownUs * random.lognormal(endpoint.sigma) * service.pace * (0.85 + 0.15 * load);
    if (random.chance(TAIL_SHARE)) us *= random.between(3, 20);
    return startUs < instance.coldUntilUs ? us * COLD_FACTOR : us;
  }

  private call(
    call: Call,
    fromUs: number,
    parentSpanId: string,
    context: Context,
    load: number,
    place: number,
    instance: Instance,
  ): Outcome {
    const { random } = this;
    if (!random.chance(call.probability)) return { endUs: fromUs, failed: false };
    let networkUs = 0;
    let times = 1;
    let attempts = 1 + call.retries;
    for (const effect of call.effects) {
      if (!isOn(effect, fromUs, place)) continue;
      effect.touched++;
      if (random.chance(effect.skipShare)) return { endUs: fromUs, failed: false };
      networkUs += effect.networkUs;
      times += effect.repeats;
      attempts += effect.retries;
    }
    let outcome: Outcome = { endUs: fromUs, failed: false };
    for (let i = 0; i < times; i++) {
      outcome = this.attempt(call, outcome.endUs, parentSpanId, context, load, networkUs, instance);
      for (let again = 1; again < attempts && outcome.failed; again++) {
        const waitUs = random.between(1_000, MAX_RETRY_WAIT_US);
        outcome = this.attempt(call, outcome.endUs + waitUs, parentSpanId, context, load, networkUs, instance);
      }
    }
    return outcome;
  }

  private attempt(
    call: Call,
    fromUs: number,
    parentSpanId: string,
    context: Context,
    load: number,
    addedNetworkUs: number,
    instance: Instance,
  ): Outcome {
    const { random } = this;
    const wayUs = (call.networkUs * random.lognormal(0.4) + call.hopUs + addedNetworkUs) / 2;
    const spanId = call.client === null ? parentSpanId : random.hex16();
    if (call.async !== null) return this.publish(call, fromUs, wayUs, spanId, parentSpanId, context, load, instance);
    const inner = this.run(call.target, fromUs + wayUs, spanId, context, load);
    const answeredUs = inner.endUs + wayUs;
    const timedOut = answeredUs - fromUs > call.timeoutUs;
    const endUs = timedOut ? fromUs + call.timeoutUs : answeredUs;
    const failed = inner.failed || timedOut;
    if (call.client !== null) {
      const failure = timedOut ? 'deadline exceeded' : failed ? 'callee failed' : '';
      this.span(call.client, instance, context, spanId, parentSpanId, fromUs, endUs, failure);
    }
    return { endUs, failed };
  }

  private publish(
    call: Call,
    fromUs: number,
    wayUs: number,
    spanId: string,
    parentSpanId: string,
    context: Context,
    load: number,
    instance: Instance,
  ): Outcome {
    const endUs = fromUs + call.networkUs;
    if (call.client !== null) this.span(call.client, instance, context, spanId, parentSpanId, fromUs, endUs, '');
    for (const effect of call.target.service.effects) {
      if (effect.stopShare === 0 || !isOn(effect, fromUs, 0)) continue;
      if (!this.random.chance(effect.stopShare)) continue;
      effect.touched++;
      return { endUs, failed: false };
    }
    if (call.async === 'child') {
      this.run(call.target, endUs + wayUs, spanId, context, load);
    } else {
      const { traceId, sampling } = context;
      const own = { traceId: this.traceId(sampling), sampling, links: [{ traceId, spanId }] };
      this.run(call.target, endUs + wayUs, '', own, load);
    }
    return { endUs, failed: false };
  }

  private span(
    operation: Operation,
    instance: Instance,
    { traceId, sampling, links }: Context,
    spanId: string,
    parentSpanId: string,
    startUs: number,
    endUs: number,
    failure: string,
  ): void {
    this.emit({
      traceId,
      spanId,
      parentSpanId,
      operationId: operation.id,
      serviceId: operation.serviceId,
      kind: operation.kind,
      startUs: Math.round(startUs) + instance.skewUs,
      endUs: Math.round(endUs) + instance.skewUs,
      isError: failure !== '',
      instance,
      links: parentSpanId === '' ? links : [],
      sampling,
      failure,
    });
  }
}

function isOn(effect: Effect, atUs: number, place: number): boolean {
  return atUs >= effect.fromUs && atUs < effect.toUs && (effect.instances === null || effect.instances.has(place));
}
