// npm run hand-over: asks the supervisor of this data directory to let a new process of the service take over.
import { setTimeout as sleep } from 'node:timers/promises';
import { readSupervisor } from './supervisor-file.mjs';

const withinMs = 90_000;

const before = readSupervisor();
if (!before) {
  console.error('no "npm start" runs with this data directory (TRACEHOUND_DATA_DIR); nothing to take over from');
  process.exit(1);
}
process.kill(before.pid, 'SIGUSR2');
for (const giveUpMs = performance.now() + withinMs; performance.now() < giveUpMs; await sleep(100)) {
  const now = readSupervisor();
  if (now?.pid !== before.pid) break;
  if (now.failures > before.failures) {
    console.error(`not handed over: ${now.lastFailure}; process ${now.service} goes on as before`);
    process.exit(1);
  }
  if (now.service !== before.service) {
    console.log(`process ${now.service} has taken over from process ${before.service}`);
    process.exit(0);
  }
}
console.error(`process ${before.pid} did not say what became of it; look at its log`);
process.exit(1);
