import { writeFile } from 'node:fs/promises';
import { findDatasets } from '../tools/recorded/datasets.js';
import { readRecording } from '../tools/recorded/recording.js';
import { Screen } from '../tools/client/screen.js';
import { type EvalOptions, parseArguments, USAGE } from './arguments.js';
import { type DatasetResult, evaluate } from './evaluate.js';
import { lookText } from './look.js';
import { datasetText } from './report.js';

const screen = new Screen(process.stderr);

async function run({ data, only, fault, errorSpan, json }: EvalOptions): Promise<void> {
  const results: DatasetResult[] = [];
  for (const target of data) {
    const { datasets, skipped } = await findDatasets(target);
    for (const line of skipped) screen.say(line);
    for (const dataset of datasets) {
      if (only !== null && !dataset.name.includes(only)) continue;
      const startedMs = Date.now();
      const everything = { fromMs: null, toMs: null, limitMinutes: null };
      const recording = await readRecording(dataset, everything, dataset.faultsFile, (spans) =>
        screen.show(`reading ${dataset.name}: ${spans.toLocaleString('en')} spans`),
      );
      const readMs = Date.now();
      const evaluated = evaluate(dataset.name, recording, errorSpan, (step) => screen.show(`${dataset.name}: ${step}`));
      screen.done();
      results.push(evaluated.result);
      console.log(`${datasetText(evaluated.result)}\n`);
      if (fault !== null) console.log(`${lookText(evaluated, fault - 1)}\n`);
      screen.say(`read in ${seconds(readMs - startedMs)}, evaluated in ${seconds(Date.now() - readMs)}`);
    }
  }
  if (results.length === 0) throw new Error(`no spans with that name at ${data.join(', ')}`);
  if (json !== null) await writeFile(json, `${JSON.stringify(results, null, 2)}\n`);
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`;
}

try {
  const options = parseArguments(process.argv.slice(2), process.env['EVAL_DATA'] ?? '');
  if (options === null) console.log(USAGE);
  else await run(options);
} catch (error) {
  screen.done();
  console.error(`eval: ${(error as Error).message}`);
  process.exitCode = 1;
}
