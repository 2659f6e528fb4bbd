// The supervisor behind `npm start`: PostgreSQL and the service are both its children, so that the service can finish
// its work before the database ends. The service holds an IPC channel to it and exits on 'disconnect', so that it does not
// outlive a supervisor that was killed; the next start ends the database that was left. On SIGUSR2 (npm run hand-over) another
// process of the service takes over while the first one still serves.
import { fileURLToPath } from 'node:url';
import { dataHome, startEmbeddedPostgres } from './embedded-postgres.mjs';
import { KeptSockets } from './kept-sockets.mjs';
import { endService, startService } from './service-process.mjs';
import { SupervisorFile } from './supervisor-file.mjs';

const configurationError = 78;
const takeOverWithinMs = 60_000;
// A service that ends this soon after the first start will not do better on the second.
const firstStartMs = 10_000;
const maxRestarts = 5;
const restartWindowMs = 60_000;

const givenDatabaseUrl = process.env.DATABASE_URL?.trim();
const main = process.argv[2] ?? fileURLToPath(new URL('../dist/src/main.js', import.meta.url));

const stop = new AbortController();
const began = performance.now();
const say = (text) => console.log(`${new Date().toISOString().slice(11, 19)} tracehound: ${text}`);
const since = (from) => `${((performance.now() - from) / 1000).toFixed(1)} s`;

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
  process.on(signal, () => {
    if (!stop.signal.aborted) say(`${signal} received, stopping`);
    stop.abort();
  });
}

const stopping = new Promise((resolve) => stop.signal.addEventListener('abort', resolve));
const restarts = [];
const sockets = new KeptSockets();
/** Processes that finish what they have while another one serves. */
const retiring = new Set();
const file = new SupervisorFile();

let askForHandOver;
let handOverAsked;
const waitForHandOver = () => (handOverAsked = new Promise((resolve) => (askForHandOver = resolve)));
waitForHandOver();
process.on('SIGUSR2', () => askForHandOver());

// True after a growing pause, false when there were too many restarts within a minute or it is time to stop.
async function mayRestart(what) {
  const now = performance.now();
  while (restarts.length > 0 && restarts[0] < now - restartWindowMs) restarts.shift();
  if (restarts.length >= maxRestarts) {
    say(`${what}; giving up after ${maxRestarts} restarts within a minute`);
    return false;
  }
  const pauseMs = 250 * 2 ** restarts.length;
  restarts.push(now);
  say(`${what}; restarting in ${pauseMs / 1000} s`);
  await Promise.race([stopping, new Promise((resolve) => setTimeout(resolve, pauseMs))]);
  return !stop.signal.aborted;
}

async function startDatabase() {
  const from = performance.now();
  const postgres = await startEmbeddedPostgres({ home: dataHome(), abort: stop.signal, log: say });
  const made = postgres.isNew ? 'made and started' : 'started';
  say(
    `PostgreSQL ${postgres.version} ${made} in ${since(from)} on 127.0.0.1:${postgres.port}, in ${postgres.directory}`,
  );
  return postgres;
}

function environmentFor(postgres) {
  // With an arena for every thread the C library keeps several times what is in use.
  const environment = { MALLOC_ARENA_MAX: '2', ...process.env };
  if (postgres) {
    Object.assign(environment, { DATABASE_URL: postgres.url, TRACEHOUND_DATA_DIR: dataHome() });
    // Settings for other servers (PGSSLMODE, PGOPTIONS) do not fit our own.
    for (const name of Object.keys(environment)) if (/^PG[A-Z]+$/.test(name)) delete environment[name];
  }
  return environment;
}

/**
 * Starts a second process beside the first and, once it takes what comes, lets the first one finish and end. Returns the one that serves
 * now: the first one again when the second does not come up.
 */
async function handOver(old, environment) {
  const from = performance.now();
  say('handing over: starting another process of the service');
  const next = startService({ main, environment, sockets, takesOver: true });
  let timer;
  const outcome = await Promise.race([
    next.serving.then(() => 'serves'),
    next.exited.then(({ code, signal }) => `it ended with ${signal ?? `code ${code}`}`),
    new Promise(
      (resolve) => (timer = setTimeout(resolve, takeOverWithinMs, `it was not ready in ${takeOverWithinMs / 1000} s`)),
    ),
    stopping.then(() => 'it is time to stop'),
  ]);
  clearTimeout(timer);
  if (outcome !== 'serves') {
    say(`not handed over: ${outcome}`);
    file.failed(outcome);
    await endService(next, say);
    return old;
  }
  sockets.closeAllBut(next.addresses);
  const retired = endService(old, say, () => old.child.send({ tracehound: 'retire' }, () => undefined));
  retiring.add(retired);
  void retired.then(() => {
    retiring.delete(retired);
    say(`handed over in ${since(from)}`);
  });
  file.serves(next.child.pid);
  return next;
}

// Why the service should stay down although nobody asked for it, or null when it should be started again.
function reasonToStayDown({ code, signal, lastedMs }, starts) {
  if (code === 0) return 'the service ended by itself';
  if (code === configurationError) return 'the service refused its configuration';
  if (!signal && starts === 1 && lastedMs < firstStartMs) return `the service ended with code ${code} as it started`;
  return null;
}

// For good: who connects from now on is refused instead of waiting.
async function stopService(service) {
  sockets.closeAllBut(new Set());
  const code = await endService(service, say);
  await Promise.all(retiring);
  return code;
}

// Runs the service, and the database if it is ours, until one of them stays down or a signal comes. Gives the exit code.
async function supervise() {
  let postgres;
  let service;
  let starts = 0;
  try {
    for (;;) {
      if (!givenDatabaseUrl && !postgres) postgres = await startDatabase();
      if (stop.signal.aborted) return service ? await stopService(service) : 0;
      if (!service) {
        service = startService({ main, environment: environmentFor(postgres), sockets });
        file.serves(service.child.pid);
        starts += 1;
      }
      const [what, result] = await Promise.race([
        stopping.then(() => ['signal']),
        ...(postgres ? [postgres.exited.then((end) => ['database', end])] : []),
        service.exited.then((end) => ['service', end]),
        handOverAsked.then(() => ['hand-over']),
      ]);
      if (what === 'signal') return await stopService(service);
      if (what === 'hand-over') {
        service = await handOver(service, environmentFor(postgres));
        waitForHandOver();
        continue;
      }
      const how = result.signal ?? `code ${result.code}`;
      if (what === 'service') {
        service = undefined;
        const reason = reasonToStayDown(result, starts);
        if (reason) say(reason);
        if (reason || !(await mayRestart(`the service ended with ${how}`)))
          return stop.signal.aborted ? 0 : (result.code ?? 1);
      } else {
        const { url } = postgres;
        postgres = undefined;
        if (!(await mayRestart(`PostgreSQL ended with ${how}`))) return stop.signal.aborted ? 0 : 1;
        postgres = await startDatabase();
        if (postgres.url === url) continue;
        await endService(service, say);
        service = undefined;
      }
    }
  } catch (error) {
    if (stop.signal.aborted) return 0;
    console.error(`tracehound: ${error.message}`);
    return 1;
  } finally {
    if (service) await stopService(service);
    await postgres?.stop();
    file.remove();
  }
}

// A reader that goes away (npm start | head) is no reason to leave the children behind.
process.stdout.on('error', () => undefined);
process.stderr.on('error', () => undefined);
const code = await supervise();
if (stop.signal.aborted) say(`stopped; it ran for ${since(began)}`);
process.exit(code);
