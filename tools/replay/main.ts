import { writeFile } from 'node:fs/promises';
import { createInterface } from 'node:readline/promises';
import { Api, ApiError } from '../client/api.js';
import { Screen } from '../client/screen.js';
import { isLoopback, parseArguments, USAGE } from './arguments.js';
import type { ReplayOptions } from './arguments.js';
import { findDatasets } from '../recorded/datasets.js';
import { replay } from './run.js';
import type { ReplayResult } from './run.js';
import { RequestRefused } from './sender.js';

const abort = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => abort.abort());

const screen = new Screen();

async function run(options: ReplayOptions): Promise<number> {
  if (!(await mayRun(options))) return 1;
  await new Api(options.api, undefined, 0).health().catch((error: unknown) => {
    throw new Error(`${(error as Error).message}. Start Tracehound with "npm start", or say where it is: --api, --url`);
  });
  const { datasets, skipped } = await findDatasets(options.target);
  for (const line of skipped) screen.say(line);
  if (datasets.length === 0) throw new Error(`${options.target} holds no span files`);
  const results: ReplayResult[] = [];
  for (const dataset of datasets) {
    const result = await replay(dataset, options, screen, abort.signal);
    if (!result) {
      screen.say('stopped');
      return 130;
    }
    results.push(result);
  }
  if (options.json !== null) await writeFile(options.json, `${JSON.stringify(results, null, 2)}\n`);
  return results.every((result) => result.complete) ? 0 : 1;
}

async function mayRun({ url, api, yes }: ReplayOptions): Promise<boolean> {
  if (yes || (isLoopback(url) && isLoopback(api))) return true;
  if (!process.stdin.isTTY) throw new Error(`${url} is not on this machine: say --yes to send recorded spans there`);
  const ask = createInterface({ input: process.stdin, output: process.stdout });
  const answer = await ask.question(`Send recorded spans to ${url}? [y/N] `);
  ask.close();
  return /^y/i.test(answer);
}

function explain(error: unknown, time: string): string {
  const { message } = error as Error;
  if (error instanceof RequestRefused && time === 'original') {
    return (
      `${message}\nThe service takes old spans only if INGEST_MAX_SPAN_AGE_HOURS allows (0: any age). ` +
      'Start it with that setting, or leave out --time original.'
    );
  }
  if (error instanceof ApiError && (error.status === 401 || error.status === 403)) {
    return `${message}\nGive an API key with the scope admin: --key th_...`;
  }
  return message;
}

let options: ReplayOptions | null = null;
try {
  options = parseArguments(process.argv.slice(2));
  if (options === null) console.log(USAGE);
  else process.exitCode = await run(options);
} catch (error) {
  screen.done();
  console.error(`replay: ${abort.signal.aborted ? 'stopped' : explain(error, options?.time ?? '')}`);
  process.exitCode = abort.signal.aborted ? 130 : 1;
}
