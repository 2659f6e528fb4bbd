import path from 'node:path';
import { parseArgs } from 'node:util';

export const USAGE = `Measures how well recorded, labelled faults are noticed and blamed, without a service or a database.

  npm run eval -- --data <file or folder> [--data ...] [options]

The data are CSV (or .csv.zst) files of spans with faults.json beside them, or copies of public repositories:
github.com/IntelligentDDS/Nezha (or one of its days) and github.com/IntelligentDDS/TraStrainer.

  --data PATH     where the data are; may be given several times (default: the paths in EVAL_DATA, separated by "${path.delimiter}")
  --only TEXT     only data sets with this text in their name
  --fault N       look closer at fault no. N of each data set
  --error-span X  spans named X (an error handler's) count as failed; recordings have no status. Say so beside the figures.
  --perturb       judge copies too: half of the traces, other durations, another start, other names (takes eight times as long)
  --docs          write tables and plot into docs/detection.md and docs/eval.svg; the table of robustness only with --perturb
  --live FILE     with --docs: results of npm run eval:live --json FILE, shown beside
  --json FILE     the results as JSON as well`;

export interface EvalOptions {
  data: string[];
  only: string | null;
  /** Counted from 1. */
  fault: number | null;
  errorSpan: string | null;
  /** Perturbed copies are judged too. */
  perturb: boolean;
  docs: boolean;
  live: string | null;
  json: string | null;
}

/** Reads the command line, or gives null when help was asked for. Throws with a sentence for the user on anything wrong. */
export function parseArguments(args: string[], defaultData: string): EvalOptions | null {
  const { values } = parseArgs({
    args,
    options: {
      data: { type: 'string', multiple: true },
      only: { type: 'string' },
      fault: { type: 'string' },
      'error-span': { type: 'string' },
      perturb: { type: 'boolean', default: false },
      docs: { type: 'boolean', default: false },
      live: { type: 'string' },
      json: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) return null;
  const data = values.data ?? defaultData.split(path.delimiter).filter((each) => each !== '');
  if (data.length === 0) throw new Error('where are the data? Say --data <file or folder>, or --help for help.');
  return {
    data,
    only: values.only ?? null,
    fault: faultNo(values.fault),
    errorSpan: values['error-span'] ?? null,
    perturb: values.perturb,
    docs: values.docs,
    live: values.live ?? null,
    json: values.json ?? null,
  };
}

function faultNo(text: string | undefined): number | null {
  if (text === undefined) return null;
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1) throw new Error('--fault is the number of a fault, from 1 on');
  return value;
}
