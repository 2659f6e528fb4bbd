import { Api, keyIdentity } from '../client/api.js';
import type { Screen } from '../client/screen.js';
import { openSession } from '../client/session.js';
import type { Session } from '../client/session.js';
import { alarmsOf, countWebhooks } from './alarms.js';
import type { WebhookCounts } from './alarms.js';
import type { ReplayOptions } from './arguments.js';
import type { Dataset } from '../recorded/datasets.js';
import { readRecording } from '../recorded/recording.js';
import type { Recording } from '../recorded/recording.js';
import { send, waitUntilDone } from './phases.js';
import { reportText, utcSecond } from './report.js';
import { score } from '../recorded/score.js';
import type { Score } from '../recorded/score.js';
import { Sender } from './sender.js';
import { plannedMs } from './transmit.js';
import type { Plan } from './transmit.js';
import { Watch } from './watch.js';

const MINUTE_MS = 60_000;

export interface ReplayResult {
  dataset: string;
  tenant: string;
  speed: number;
  achievedSpeed: number;
  time: string;
  /** Add it to the data's own times to get the times that the service knows. */
  shiftMs: number;
  complete: boolean;
  sent: { spans: number; requests: number; bytes: number; retries: number; rejectedSpans: number };
  webhooks: WebhookCounts | null;
  incidents: number;
  services: number;
  score: Score;
}

/** Replays one data set and tells the outcome on the screen. Null when `signal` ended it early. */
export async function replay(
  dataset: Dataset,
  options: ReplayOptions,
  screen: Screen,
  signal: AbortSignal,
): Promise<ReplayResult | null> {
  const recording = await read(dataset, options, screen, signal);
  const api = new Api(options.api, keyIdentity(options.key));
  const session = await openSession(api, `replay-${dataset.name}-${new Date().toISOString()}`.slice(0, 100));
  const { receiver } = session;
  const watch = new Watch(session.api);
  try {
    if (session.unreachable !== null) screen.say(`No webhooks in this run: ${session.unreachable}`);
    const plan = planOf(recording, options);
    const senders = {
      spans: new Sender(options.url, session.identity, signal),
      logs: new Sender(options.url, session.identity, signal, undefined, 'v1/logs'),
    };
    const { achievedSpeed, counts } = await send(plan, senders, watch, screen, signal);
    if (signal.aborted) return null;
    const complete = await waitUntilDone(recording.lastEndMs + plan.shiftMs, watch, screen, signal);
    if (signal.aborted) return null;
    const incidents = [];
    for (const { id } of await session.api.incidents()) incidents.push(await session.api.incident(id));
    const alarms = alarmsOf(incidents, receiver && receiver.messages, plan.shiftMs);
    const result: ReplayResult = {
      dataset: dataset.name,
      tenant: session.tenant,
      speed: options.speed,
      achievedSpeed,
      time: options.time,
      shiftMs: plan.shiftMs,
      complete,
      sent: counts,
      webhooks: receiver && countWebhooks(receiver.messages),
      incidents: incidents.length,
      services: recording.spans.serviceNames.count,
      score: score(recording.faults, alarms, recording.windowsWithSpans),
    };
    tell(result, session, options, screen);
    return result;
  } finally {
    screen.done();
    await watch.stop();
    await session.close(options.keepKey && !signal.aborted);
  }
}

async function read(dataset: Dataset, options: ReplayOptions, screen: Screen, signal: AbortSignal): Promise<Recording> {
  const faultsFile = options.faults ?? dataset.faultsFile;
  const recording = await readRecording(dataset, options, faultsFile, (spans) => {
    signal.throwIfAborted();
    screen.show(`reading ${dataset.name}: ${spans.toLocaleString('en')} spans`);
  });
  screen.done();
  const { order, firstStartMs, lastEndMs, faults, counts } = recording;
  screen.say(
    `${dataset.name}: ${order.length.toLocaleString('en')} spans, ${utcSecond(firstStartMs)} to ${utcSecond(lastEndMs)}, ` +
      (faultsFile === undefined ? 'no labelled faults beside it (see --faults)' : `${faults.length} labelled faults`),
  );
  if (counts.duplicates > 0) screen.say(`${counts.duplicates} spans occur twice and are sent once`);
  if (counts.invalid > 0)
    screen.say(`${counts.invalid} lines are not spans and are left out, first ${counts.firstInvalid}`);
  return recording;
}

// Shifted by whole minutes: windows then cut the data alike in every run.
function planOf(recording: Recording, { speed, tickMs, time }: ReplayOptions): Plan {
  const endsMs = Date.now() + plannedMs(recording, tickMs, speed);
  const shiftMs = time === 'original' ? 0 : Math.floor((endsMs - recording.lastEndMs) / MINUTE_MS) * MINUTE_MS;
  return { recording, speed, tickMs, shiftMs };
}

function tell(result: ReplayResult, session: Session, options: ReplayOptions, screen: Screen): void {
  const { webhooks } = result;
  if (result.score.results.length > 0) screen.say(`\n${reportText(result.score)}`);
  else screen.say(`${result.incidents} incidents; there is no labelled fault to compare them with`);
  screen.say(
    webhooks === null
      ? `no webhooks: "as told" is what the incidents say at the end (${session.unreachable})`
      : `webhooks received: ${webhooks.opened} opened, ${webhooks.reopened} reopened, ` +
          `${webhooks.another_cause} with another cause, ${webhooks.escalated} escalated, ${webhooks.resolved} resolved; ${webhooks.unverified === 0 ? 'every signature was right' : `${webhooks.unverified} with a wrong signature`}` +
          (webhooks.repeated === 0 ? '' : `; ${webhooks.repeated} told the same once more`),
  );
  if (options.keepKey)
    screen.say(
      `tenant ${session.tenant}, to be read with the header ${Object.entries(session.identity).flat().join(': ')}`,
    );
}
