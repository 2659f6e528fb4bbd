import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { Screen } from '../tools/client/screen.js';
import { startTracehound } from '../tools/client/throw-away.js';
import { type Dataset, findDatasets, joinDays } from '../tools/recorded/datasets.js';
import { replay, type ReplayResult } from '../tools/replay/run.js';
import { WITH_LOGS } from './docs.js';
import { liveText } from './report.js';

const USAGE = `Sends recorded, labelled faults to a throw-away Tracehound (its own PostgreSQL, gone afterwards), takes its signed webhooks, and
shows what a user would have been told.

  npm run eval:live -- --data <file or folder> [--data ...] [options]

  --data PATH   where the data are, as for npm run eval (default: EVAL_DATA)
  --only TEXT   only data sets with this text in their name
  --speed N     N times real time (default 60); verdicts are in event time and do not depend on it
  --json FILE   the results as JSON as well`;

const abort = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => abort.abort());
const screen = new Screen(process.stderr);

interface LiveOptions {
  data: string[];
  only: string;
  speed: number;
  json: string | null;
}

async function run({ data, only, speed, json }: LiveOptions): Promise<boolean> {
  const found = await Promise.all(data.map((target) => findDatasets(target)));
  const all = await joinDays(found.flatMap((each) => each.datasets));
  const datasets = all.filter(({ name }) => name.includes(only));
  if (datasets.length === 0) throw new Error(`no spans with that name at ${data.join(', ')}`);
  const results: ReplayResult[] = [];
  for (const dataset of datasets.flatMap(variants)) {
    screen.say(`${dataset.name}: starting a Tracehound for it ...`);
    const tracehound = await startTracehound(abort.signal);
    try {
      const options = {
        target: dataset.name,
        speed,
        time: 'shifted' as const,
        fromMs: null,
        toMs: null,
        limitMinutes: null,
        faults: null,
        json: null,
        url: tracehound.otlpUrl,
        api: tracehound.apiUrl,
        key: null,
        keepKey: false,
        tickMs: 1000,
        yes: true,
      };
      const result = await replay(dataset, options, screen, abort.signal);
      if (result === null) return false;
      results.push(result);
      console.log(`${liveText(result)}\n`);
    } finally {
      await tracehound.stop();
    }
  }
  if (json !== null) await writeFile(json, `${JSON.stringify(results, null, 2)}\n`);
  return results.every((result) => result.complete);
}

/** The spans alone, and then with the logs, where there are any. */
function variants({ logFiles, ...spansOnly }: Dataset): Dataset[] {
  if (logFiles === undefined) return [spansOnly];
  return [spansOnly, { ...spansOnly, name: `${spansOnly.name}${WITH_LOGS}`, logFiles }];
}

function parseArguments(args: string[]): LiveOptions | null {
  const { values } = parseArgs({
    args,
    options: {
      data: { type: 'string', multiple: true },
      only: { type: 'string', default: '' },
      speed: { type: 'string', default: '60' },
      json: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) return null;
  const data = values.data ?? (process.env['EVAL_DATA'] ?? '').split(path.delimiter).filter((each) => each !== '');
  if (data.length === 0) throw new Error('where are the data? Say --data <file or folder>, or --help for help.');
  const speed = Number(values.speed);
  if (!(speed >= 1 && speed <= 100_000)) throw new Error('--speed is a number from 1 to 100000');
  return { data, only: values.only, speed, json: values.json ?? null };
}

try {
  const options = parseArguments(process.argv.slice(2));
  if (options === null) console.log(USAGE);
  else if (!(await run(options))) process.exitCode = 1;
} catch (error) {
  screen.done();
  console.error(`eval:live: ${abort.signal.aborted ? 'stopped' : (error as Error).message}`);
  process.exitCode = abort.signal.aborted ? 130 : 1;
}
