import { setTimeout as sleep } from 'node:timers/promises';
import { bar, duration } from '../client/screen.js';
import type { Screen } from '../client/screen.js';
import { utcSecond } from './report.js';
import type { Sender } from './sender.js';
import { plannedMs, transmit } from './transmit.js';
import type { Plan, Position, Senders } from './transmit.js';
import type { Watch } from './watch.js';

const SHOW_MS = 250;
/** The service closes the last windows half a minute after the last span; this is that and then some. */
const PATIENCE_WITHOUT_PROGRESS_MS = 180_000;

/** Sends the recording while a line shows how far it is, and says how it went. */
export async function send(
  plan: Plan,
  senders: Senders,
  watch: Watch,
  screen: Screen,
  signal: AbortSignal,
): Promise<{ achievedSpeed: number; counts: Sender['counts'] }> {
  const { recording, shiftMs, speed } = plan;
  const sender = senders.spans;
  const planned = plannedMs(recording, plan.tickMs, speed);
  const eventMs = recording.lastEndMs - recording.firstStartMs;
  screen.say(
    `sending ${duration(eventMs / 1000)} of event time in about ${duration(planned / 1000)} (${speed} times real time)` +
      (shiftMs === 0 ? '' : `, times moved by ${(shiftMs / 3_600_000).toFixed(2)} h`),
  );
  const startedMs = Date.now();
  let position: Position = { spans: 0, eventMs: recording.firstStartMs, behindMs: 0 };
  const timer = setInterval(() => {
    const waiting = watch.doneThroughMs === null ? '' : `, ${lag(position.eventMs + shiftMs, watch)} behind`;
    const rate = (position.spans / (Date.now() - startedMs)) * 1000;
    screen.show(
      `${bar(position.spans / recording.order.length)} ${utcSecond(position.eventMs)} ${Math.round(rate).toLocaleString('en')} spans/s` +
        `${waiting}, ${watch.incidents.length} incidents` +
        (position.behindMs > 2_000 ? `, ${duration(position.behindMs / 1000)} late` : '') +
        (sender.counts.retries > 0 ? `, ${sender.counts.retries} retries` : ''),
    );
  }, SHOW_MS);
  try {
    await transmit(plan, senders, signal, (now) => {
      position = now;
    });
  } finally {
    clearInterval(timer);
    await Promise.all([sender.close(), senders.logs.close()]);
    screen.done();
  }
  const took = Date.now() - startedMs;
  const achievedSpeed = Math.min(speed, (speed * planned) / took);
  const { spans, bytes, retries, retriedBecause, rejectedSpans, rejectedBecause } = sender.counts;
  screen.say(
    `${spans.toLocaleString('en')} spans acknowledged in ${duration(took / 1000)}, ${(bytes / 1e6).toFixed(1)} MB`,
  );
  const lines = senders.logs.counts;
  if (recording.logs.length > 0) {
    screen.say(
      `${lines.spans.toLocaleString('en')} log lines acknowledged` +
        (lines.rejectedSpans === 0 ? '' : `, ${lines.rejectedSpans} of them rejected: ${lines.rejectedBecause}`),
    );
  }
  if (achievedSpeed < 0.97 * speed) {
    screen.say(`It could not keep up: ${achievedSpeed.toFixed(0)} times real time instead of ${speed}.`);
  }
  if (retries > 0) {
    const why = Object.entries(retriedBecause)
      .map(([reason, n]) => `${reason}: ${n}`)
      .join(', ');
    screen.say(`${retries} requests were sent again (${why})`);
  }
  if (rejectedSpans > 0) screen.say(`${rejectedSpans} spans were rejected: ${rejectedBecause}`);
  return { achievedSpeed, counts: sender.counts };
}

/** Waits until everything that was sent came out at the other end of the pipeline; false when nothing moves for three minutes. */
export async function waitUntilDone(
  lastEndMs: number,
  watch: Watch,
  screen: Screen,
  signal: AbortSignal,
): Promise<boolean> {
  let progress = '';
  let sinceMs = Date.now();
  while (!signal.aborted && !watch.isDone(lastEndMs)) {
    const now = JSON.stringify(watch.pipeline);
    if (now !== progress) [progress, sinceMs] = [now, Date.now()];
    if (Date.now() - sinceMs > PATIENCE_WITHOUT_PROGRESS_MS) {
      screen.done();
      screen.say('The service did not finish: nothing moved for three minutes. The table shows what there is.');
      return false;
    }
    const { undecidedEvents = 0, pendingNotifications = 0 } = watch.pipeline ?? {};
    screen.show(
      `all sent; the service is ${lag(lastEndMs, watch)} behind, ${undecidedEvents} events and ${pendingNotifications} ` +
        `messages under way, ${watch.incidents.length} incidents (quiet for ${duration((Date.now() - sinceMs) / 1000)})`,
    );
    await sleep(SHOW_MS, undefined, { signal }).catch(() => undefined);
  }
  screen.done();
  return true;
}

function lag(sentMs: number, watch: Watch): string {
  return watch.doneThroughMs === null ? 'at the start' : duration((sentMs - watch.doneThroughMs) / 1000);
}
