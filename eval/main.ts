import { readFile, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { format, resolveConfig } from 'prettier';
import { findDatasets, joinDays } from '../tools/recorded/datasets.js';
import { type Recording, readRecording } from '../tools/recorded/recording.js';
import { Screen } from '../tools/client/screen.js';
import { type EvalOptions, parseArguments, USAGE } from './arguments.js';
import { type DatasetResult, evaluate, verdictsOn } from './evaluate.js';
import { lookText } from './look.js';
import { panelsOf, sectionText, WITH_LOGS, withSection } from './docs.js';
import { PERTURBATIONS, perturbed } from './perturb.js';
import { plotSvg } from './plot.js';
import { datasetText, type LiveResult } from './report.js';

const screen = new Screen(process.stderr);

async function run({ data, only, fault, errorSpan, perturb, docs, live, json }: EvalOptions): Promise<void> {
  const results: DatasetResult[] = [];
  const found = await Promise.all(data.map((target) => findDatasets(target)));
  for (const line of found.flatMap(({ skipped }) => skipped)) screen.say(line);
  for (const dataset of await joinDays(found.flatMap(({ datasets }) => datasets))) {
    if (only !== null && !dataset.name.includes(only)) continue;
    const startedMs = Date.now();
    const everything = { fromMs: null, toMs: null, limitMinutes: null };
    const recording = await readRecording(dataset, everything, dataset.faultsFile, (spans) =>
      screen.show(`reading ${dataset.name}: ${spans.toLocaleString('en')} spans`),
    );
    const readMs = Date.now();
    for (const { name, logs } of variants(dataset.name, recording)) {
      const whole = { ...recording, logs };
      const evaluated = evaluate(name, whole, errorSpan, (step) => screen.show(`${name}: ${step}`));
      if (perturb) evaluated.result.perturbed = perturbedVerdicts(name, whole, errorSpan);
      screen.done();
      results.push(evaluated.result);
      console.log(`${datasetText(evaluated.result)}\n`);
      if (fault !== null) console.log(`${lookText(evaluated, fault - 1)}\n`);
    }
    screen.say(`read in ${seconds(readMs - startedMs)}, evaluated in ${seconds(Date.now() - readMs)}`);
  }
  if (results.length === 0) throw new Error(`no spans with that name at ${data.join(', ')}`);
  if (docs) await writeDocs(results, live);
  if (json !== null) await writeFile(json, `${JSON.stringify(results, null, 2)}\n`);
}

/** The spans alone, and then with the logs: two rows that are never mixed. */
function variants(name: string, { logs }: Recording): { name: string; logs: Recording['logs'] }[] {
  const spansOnly = { name, logs: [] };
  return logs.length === 0 ? [spansOnly] : [spansOnly, { name: `${name}${WITH_LOGS}`, logs }];
}

function perturbedVerdicts(
  name: string,
  recording: Recording,
  errorSpan: string | null,
): NonNullable<DatasetResult['perturbed']> {
  return PERTURBATIONS.map((how) => {
    const onProgress = (step: string): void => screen.show(`${name}, ${how.what}: ${step}`);
    return { what: how.what, verdicts: verdictsOn(perturbed(recording, how), errorSpan, onProgress) };
  });
}

async function writeDocs(results: readonly DatasetResult[], liveFile: string | null): Promise<void> {
  const live = liveFile === null ? [] : (JSON.parse(await readFile(liveFile, 'utf8')) as LiveResult[]);
  const document = fileURLToPath(new URL('../../docs/detection.md', import.meta.url));
  const written = withSection(await readFile(document, 'utf8'), sectionText(results, live));
  const options = await resolveConfig(document);
  await writeFile(document, await format(written, { ...options, parser: 'markdown' }));
  await writeFile(new URL('../../docs/eval.svg', import.meta.url), plotSvg(panelsOf(results)));
  screen.say('docs/detection.md and docs/eval.svg are written');
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
