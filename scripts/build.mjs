// Builds what is not fresh. A target is fresh when the stamp in its output names the contents of all its inputs.
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { LockHeldError, takeLock } from './process-lock.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));

const targets = [
  {
    name: 'server',
    inputs: [
      'src',
      'migrations',
      'tools',
      'bench',
      'eval',
      'tsconfig.json',
      'tsconfig.build.json',
      'nest-cli.json',
      '.swcrc',
    ],
    ignored: /\.spec\.ts$/,
    output: 'dist',
    program: '@nestjs/cli/bin/nest.js',
    args: ['build'],
  },
];

const waitForOtherBuildMs = 300_000;

function filesBelow(name) {
  const full = path.join(root, name);
  if (!existsSync(full)) return [];
  if (!statSync(full).isDirectory()) return [name];
  return readdirSync(full).flatMap((child) => filesBelow(path.join(name, child)));
}

function contentsHash({ inputs, ignored }) {
  const hash = createHash('sha256');
  const names = [...inputs, 'package-lock.json'].flatMap(filesBelow).filter((name) => !ignored.test(name));
  for (const name of names.sort()) {
    const bytes = readFileSync(path.join(root, name));
    hash.update(`${name}\0${bytes.length}\0`).update(bytes);
  }
  return hash.digest('hex');
}

const stampOf = ({ output }) => path.join(root, output, '.build-stamp');

function isFresh(target, hash) {
  return existsSync(stampOf(target)) && readFileSync(stampOf(target), 'utf8') === hash;
}

async function run({ program, args }) {
  const file = path.join(root, 'node_modules', program);
  if (!existsSync(file)) throw new Error(`${program} is not installed; run "npm ci" with the development packages`);
  const child = spawn(process.execPath, [file, ...args], { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] });
  const said = [];
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => said.push(chunk));
  const forward = (signal) => child.kill(signal);
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, forward);
  const code = await new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (exitCode, signal) => resolve(exitCode ?? signal));
  });
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.off(signal, forward);
  if (code !== 0) throw new Error(`it ended with ${code}\n${Buffer.concat(said).toString('utf8').trim()}`);
}

async function takeBuildLock(directory) {
  mkdirSync(directory, { recursive: true });
  const began = Date.now();
  for (let told = false; ;) {
    try {
      return takeLock(path.join(directory, 'tracehound-build.lock'));
    } catch (error) {
      if (!(error instanceof LockHeldError)) throw error;
      if (Date.now() - began > waitForOtherBuildMs) {
        throw new Error(`another build (process ${error.pid}) has been running for too long`, { cause: error });
      }
      if (!told) console.log(`build: waiting for another build (process ${error.pid})`);
      told = true;
      await sleep(200);
    }
  }
}

async function build(target) {
  if (isFresh(target, contentsHash(target))) return;
  const release = await takeBuildLock(path.join(root, 'node_modules/.cache'));
  try {
    const hash = contentsHash(target);
    if (isFresh(target, hash)) return;
    const began = performance.now();
    rmSync(stampOf(target), { force: true });
    await run(target);
    // The hash from before the build: a file changed during it makes the next build run again.
    writeFileSync(stampOf(target), hash);
    console.log(`build: ${target.name} built in ${((performance.now() - began) / 1000).toFixed(1)} s`);
  } finally {
    release();
  }
}

for (const target of targets) {
  try {
    await build(target);
  } catch (error) {
    console.error(`build: the ${target.name} was not built: ${error.message}`);
    process.exit(1);
  }
}
