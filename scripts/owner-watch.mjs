// Ends a throw-away server when the process that started it dies in a way that lets it clean up nothing (kill -9).
import { spawn } from 'node:child_process';

// The pipe closes when the owner dies, however it dies; a line on it says that the owner has cleaned up by itself.
const watch = `
read line && exit
sleep 1
pid=$(head -n 1 "$2") && kill -"$1" "$pid"
tries=0
while [ "$pid" ] && kill -0 "$pid" && [ $tries -lt 50 ]; do sleep 0.1; tries=$((tries + 1)); done
rm -rf "$3"
`;

/**
 * Watches over a server from outside this process. If this process dies without calling the returned function, the
 * server whose process id stands in `pidFile` gets the signal (a name such as TERM) and its directory is removed.
 */
export function stopWhenOwnerDies({ pidFile, signal, directory }) {
  const child = spawn('/bin/sh', ['-c', watch, 'owner-watch', signal, pidFile, directory], {
    cwd: '/',
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
  });
  child.once('error', () => undefined).stdin.once('error', () => undefined);
  child.unref();
  child.stdin.unref?.();
  return () => child.stdin.end('done\n');
}
