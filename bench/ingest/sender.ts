// The load generator, a process of its own: takes a SenderTask as JSON on its command line, prints a line when the warm-up is over
// and a SenderResult as JSON at the end.
import { setTimeout as sleep } from 'node:timers/promises';
import { type Body, BodyMaker, type BodyFormat, readBodies } from './bodies.js';
import { Connection, type Target } from './connection.js';
import { GrpcConnection } from './grpc-connection.js';

export interface SenderTask {
  target: Target;
  protocol: 'http' | 'grpc';
  /** Bodies made before (`again`: any number of times each), or how to make them on the way (which costs the sender CPU). */
  bodies: { file: string; again?: boolean } | { format: BodyFormat };
  /** Of a request, for pacing. */
  meanSpans: number;
  connections: number;
  /** Requests under way on one connection: 1 for HTTP/1.1. */
  callsAConnection: number;
  seconds: number;
  /** Null: each connection sends as soon as it was answered. Else latency counts from when a request was due. */
  spansPerSecond: number | null;
  /** Seconds at the beginning that do not count. */
  warmUpS: number;
}

/** Said when the warm-up is over. */
export interface WarmUp {
  warmUpSpans: number;
}

export interface SenderResult {
  /** Spans whose request was acknowledged, and the time that took; without the warm-up. */
  spans: number;
  requests: number;
  seconds: number;
  /** Acknowledged in all, the warm-up included. */
  allSpans: number;
  allRequests: number;
  refused: number;
  lost: number;
  /** Milliseconds. */
  p50: number;
  p99: number;
  max: number;
  cpuS: number;
  ranOut: boolean;
}

const REPEAT_AFTER_MS = 50;

const task = JSON.parse(process.argv[2]!) as SenderTask;
const nextBody = bodySource(task);
const senders = Array.from({ length: task.connections }, () =>
  task.protocol === 'http'
    ? new Connection(task.target)
    : new GrpcConnection(`${task.target.host}:${task.target.port}`),
);
const latencies: number[] = [];
const result = { spans: 0, requests: 0, allSpans: 0, allRequests: 0, refused: 0, lost: 0, ranOut: false };
const beganMs = performance.now();
const countFromMs = beganMs + task.warmUpS * 1_000;
const endMs = beganMs + task.seconds * 1_000;
let cpuAtStart = process.cpuUsage();
setTimeout(() => {
  cpuAtStart = process.cpuUsage();
  const warm: WarmUp = { warmUpSpans: result.allSpans };
  process.stdout.write(`${JSON.stringify(warm)}\n`);
}, task.warmUpS * 1_000);
let due = 0;
const meanSpans = task.meanSpans;

await Promise.all(senders.flatMap((each) => Array.from({ length: task.callsAConnection }, () => run(each))));

const seconds = (Math.min(performance.now(), endMs) - countFromMs) / 1_000;
const cpu = process.cpuUsage(cpuAtStart);
for (const each of senders) each.close();
latencies.sort((a, b) => a - b);
const at = (share: number) => latencies[Math.min(latencies.length - 1, Math.floor(share * latencies.length))] ?? NaN;
const answer: SenderResult = {
  ...result,
  seconds,
  p50: at(0.5),
  p99: at(0.99),
  max: at(1),
  cpuS: (cpu.user + cpu.system) / 1e6,
};
process.stdout.write(`${JSON.stringify(answer)}\n`, () => process.exit(0));

async function run(sender: Connection | GrpcConnection): Promise<void> {
  for (;;) {
    const dueMs = await turn();
    if (dueMs === null) return;
    const body = await nextBody();
    if (body === null) {
      result.ranOut = true;
      return;
    }
    const isAnswered = await repeat(sender, body);
    const nowMs = performance.now();
    if (!isAnswered) continue;
    result.allSpans += body.spans;
    result.allRequests++;
    if (nowMs < countFromMs || nowMs > endMs) continue;
    result.spans += body.spans;
    result.requests++;
    latencies.push(nowMs - dueMs);
  }
}

/** When the next request is due, waiting for it; null when the time is over. */
async function turn(): Promise<number | null> {
  const nowMs = performance.now();
  if (nowMs >= endMs) return null;
  if (task.spansPerSecond === null) return nowMs;
  const dueMs = beganMs + (due / task.spansPerSecond) * 1_000;
  due += meanSpans;
  if (dueMs >= endMs) return null;
  if (dueMs > nowMs + 1) await sleep(dueMs - nowMs);
  return dueMs;
}

async function repeat(sender: Connection | GrpcConnection, { bytes }: Body): Promise<boolean> {
  while (performance.now() < endMs + 5_000) {
    try {
      const status = await sender.send(bytes);
      if (status >= 200 && status < 300) return true;
      result.refused++;
    } catch {
      result.lost++;
    }
    await sleep(REPEAT_AFTER_MS);
  }
  return false;
}

function bodySource({ bodies }: SenderTask): () => Promise<Body | null> {
  if ('file' in bodies) {
    const all = readBodies(bodies.file);
    let next = 0;
    return () => Promise.resolve(all[bodies.again ? next++ % all.length : next++] ?? null);
  }
  const maker = new BodyMaker(bodies.format);
  let next = 0;
  return () => maker.make(next++);
}
