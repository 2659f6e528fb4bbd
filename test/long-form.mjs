// Runs one test file for longer than `npm test` does: node test/long-form.mjs <unit|system> <file> [--name value]...
// Each option becomes the environment variable LONG_<NAME>, which the file reads.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

const [project, file, ...given] = process.argv.slice(2);
const options = {};
for (let i = 0; i < given.length; i += 2) {
  const name = /^--([a-z]+)$/.exec(given[i])?.[1];
  if (name === undefined || given[i + 1] === undefined) {
    console.error(`options are --name value, not ${given.slice(i, i + 2).join(' ')}`);
    process.exit(2);
  }
  options[`LONG_${name.toUpperCase()}`] = given[i + 1];
}
const jest = fileURLToPath(new URL('../node_modules/jest/bin/jest.js', import.meta.url));
const child = spawn(
  process.execPath,
  [
    ...['--experimental-vm-modules', '--no-warnings', jest, '--selectProjects', project, '--runInBand'],
    ...['--testTimeout', '86400000', '--runTestsByPath', file],
  ],
  { stdio: 'inherit', env: { ...process.env, ...options } },
);
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => child.kill(signal));
const [code] = await once(child, 'exit');
process.exitCode = code ?? 1;
