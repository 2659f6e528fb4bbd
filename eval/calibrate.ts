// npm run eval:calibrate -- [--data PATH ...] [--seeds 1,2] : fits the probabilities of causes (CALIBRATION in src/rank/score.ts)
// on recorded and generated faults, and shows what each fit says of the system that it was not fitted on.
import { parseArgs } from 'node:util';
import { MINUTE_MS } from '../src/model/window.js';
import type { WindowMeasure } from '../src/model/rollup.js';
import { suspectGivenWindow } from '../src/rank/rank.js';
import { type Calibration, featuresOf, inputsOf, probability, type Features } from '../src/rank/score.js';
import { findDatasets } from '../tools/recorded/datasets.js';
import { readRecording } from '../tools/recorded/recording.js';
import { WITH_LOGS } from './docs.js';
import { measured } from './evaluate.js';
import { failures, operationsOf } from './feed.js';
import { buildSystem } from './generator/build.js';
import { planFaults } from './generator/faults.js';
import { Random } from './generator/random.js';
import { traffic } from './generator/traffic.js';
import { rankIntervals } from './given.js';
import { fit, type Row } from './logistic.js';
import { PureMeasure } from './pure-measure.js';
import { reliability } from './reliability.js';

const { values } = parseArgs({
  options: {
    data: { type: 'string', multiple: true, default: [] },
    seeds: { type: 'string', default: '1,2' },
    services: { type: 'string', default: '40' },
    faults: { type: 'string', default: '45' },
  },
});

/** The services suspected of each fault, with whether they were at fault. */
type Cases = { features: Features; isRight: boolean }[][];
const LISTED = 5;
const FROM_MS = Date.parse('2026-03-02T10:00:00Z');
const LEARN_MS = 20 * MINUTE_MS;
const EVERY_MS = 10 * MINUTE_MS;

const systems: { name: string; cases: Cases }[] = [];
for (const target of values.data) {
  const { datasets } = await findDatasets(target);
  for (const dataset of datasets) {
    const everything = { fromMs: null, toMs: null, limitMinutes: null };
    const recording = await readRecording(dataset, everything, dataset.faultsFile, () => undefined);
    const recorded = operationsOf(recording);
    for (const logs of recording.logs.length === 0 ? [[]] : [[], recording.logs]) {
      const { windows, templates } = measured(
        { ...recording, logs },
        recorded,
        failures(recording, null),
        () => undefined,
      );
      const found = rankIntervals(windows, recording.faults, recorded.operations, templates, suspectGivenWindow);
      systems.push({
        name: logs.length === 0 ? dataset.name : `${dataset.name}${WITH_LOGS}`,
        cases: found.flatMap((suspects, i) =>
          suspects === null ? [] : [casesOf(featuresOf(suspects), (name) => name === recording.faults[i]!.service)],
        ),
      });
    }
  }
}
const generated: Cases = [];
for (const seed of values.seeds.split(',').map(Number)) {
  const system = buildSystem(Number(values.services), 120, seed);
  const labels = planFaults(system, Number(values.faults), FROM_MS + LEARN_MS, EVERY_MS, new Random(seed, 'plan'));
  const toMs = Math.max(...labels.map((label) => label.toMs)) + MINUTE_MS;
  const measurer = new PureMeasure();
  const windows: WindowMeasure[] = [];
  for (const { windowAtMs, spans } of traffic(system, { fromMs: FROM_MS, toMs, seed, deploys: [] })) {
    windows.push(measurer.measure(windowAtMs, spans));
  }
  const moments = [...new Set(labels.map((label) => label.no))].map((no) => labels.filter((label) => label.no === no));
  const intervals = moments.map(([label]) => ({ startMs: label!.fromMs, endMs: label!.fromMs + 3 * MINUTE_MS }));
  const found = rankIntervals(windows, intervals, system.operations, measurer.templates, suspectGivenWindow);
  found.forEach((suspects, i) => {
    if (suspects === null) return;
    const ids = new Set(moments[i]!.flatMap((label) => [...label.services]));
    const right = new Set(
      [...system.operations.values()].filter(({ serviceId }) => ids.has(serviceId)).map(({ service }) => service),
    );
    generated.push(casesOf(featuresOf(suspects), (name) => right.has(name)));
    const first = generated.at(-1)?.[0];
    console.log(
      `${moments[i]![0]!.kind.padEnd(14)} ${first === undefined ? 'nobody suspected' : `first ${first.isRight ? 'right' : 'WRONG'} ${first.features.share.toFixed(2)} ${first.features.surprise.toFixed(0)}`}`,
    );
  });
}
systems.push({ name: 'generated', cases: generated });

for (const { name, cases } of systems) {
  show(`${name}, as it is`, cases);
  const others = systems.filter((each) => each.name !== name).map((each) => each.cases);
  if (others.length > 0) show(`${name}, fitted on the others`, cases, fitted(others));
}
const all = fitted(systems.map(({ cases }) => cases));
for (const { name, cases } of systems) show(`${name}, fitted on all`, cases, all);
console.log(JSON.stringify(all));

function casesOf(features: ReadonlyMap<string, Features>, isRight: (service: string) => boolean): Cases[number] {
  return [...features]
    .map(([service, its]) => ({ features: its, isRight: isRight(service) }))
    .sort((a, b) => b.features.share - a.features.share)
    .slice(0, LISTED);
}

/** Each system weighs the same, whatever the number of its faults. */
function fitted(several: readonly Cases[]): Calibration {
  const rows: Row[] = several.flatMap((cases) =>
    cases
      .flat()
      .map(({ features, isRight }) => ({ inputs: inputsOf(features), isRight, weight: 100 / cases.flat().length })),
  );
  return fit(rows);
}

function show(title: string, cases: Cases, calibration?: Calibration): void {
  const first = cases
    .map((each) => each.map(({ features, isRight }) => ({ score: probability(features, calibration), isRight })))
    .flatMap((each) => each.sort((a, b) => b.score - a.score).slice(0, 1));
  const result = reliability(first);
  if (result === null) return;
  const right = first.filter(({ isRight }) => isRight).length;
  console.log(
    `${title}: ${cases.length} faults, first right ${right}, Brier ${result.brier.toFixed(3)}, calibration error ${result.error.toFixed(3)}`,
  );
  for (const { from, n, meanScore, right: share } of result.bins) {
    console.log(`  from ${from.toFixed(1)}: ${n} faults, called ${(100 * meanScore).toFixed(0)} %, right ${share.k}`);
  }
}
