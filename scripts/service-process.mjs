// One process of the service, as the supervisor sees it.
import { spawn } from 'node:child_process';

// Every thread keeps its young generation resident once it has filled it.
const nodeOptions = ['--max-semi-space-size=8'];
const graceMs = 20_000;

/**
 * Starts the service. `exited` resolves with how it ended, `serving` when it takes what comes. With `takesOver` it knows that another process
 * still holds the API's port.
 */
export function startService({ main, environment, sockets, takesOver = false }) {
  const from = performance.now();
  // Detached: Ctrl-C in a terminal reaches the service once, through the supervisor.
  const child = spawn(
    process.execPath,
    [...nodeOptions, main, '--supervised', ...(takesOver ? ['--takes-over'] : [])],
    {
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
      detached: true,
      env: environment,
    },
  );
  const addresses = sockets.serve(child);
  const serving = new Promise((resolve) =>
    child.on('message', ({ tracehound }) => tracehound === 'serves' && resolve()),
  );
  const exited = new Promise((resolve) => {
    child.once('error', (error) => resolve({ code: 1, signal: null, error, lastedMs: 0 }));
    child.once('exit', (code, signal) => resolve({ code, signal, lastedMs: performance.now() - from }));
  });
  return { child, exited, serving, addresses };
}

/** Ends it with `ask`, by force when that takes too long. Resolves with an exit code once it is gone. */
export async function endService({ child, exited }, say, ask = () => child.kill('SIGTERM')) {
  if (child.exitCode !== null || child.signalCode !== null) return 0;
  ask();
  const force = setTimeout(() => {
    say(`the service did not end within ${graceMs / 1000} s, killing it`);
    child.kill('SIGKILL');
  }, graceMs);
  const { code, signal } = await exited;
  clearTimeout(force);
  return signal === 'SIGKILL' ? 1 : signal ? 0 : code;
}
