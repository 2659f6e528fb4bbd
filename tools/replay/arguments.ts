import { parseArgs } from 'node:util';

export const USAGE = `Sends recorded spans to a running Tracehound and shows how well it found the labelled faults.

  npm run replay -- <file or folder> [options]

The path is a CSV (or .csv.zst) file of spans, a folder of such files, or a copy of the Nezha repository
(github.com/IntelligentDDS/Nezha) or of one of its days.

  --speed N            N times real time (default 60)
  --time shifted       the data's times are moved so that it ends now (default)
  --time original      times as recorded; the service must run with INGEST_MAX_SPAN_AGE_HOURS=0
  --from, --to ISO     only spans that start in this range (the data's own time)
  --limit-minutes N    only the first N minutes
  --faults FILE        labelled faults, when they are not beside the spans
  --json FILE          the results as JSON as well
  --url URL            where OTLP/HTTP is received (default http://127.0.0.1:4318)
  --api URL            where the API is (default http://127.0.0.1:16686)
  --key KEY            an API key with the scope admin, when the service has keys
  --keep-key           keep the run's own API key and print it, to look at the run's incidents and traces later
  --tick-ms N          event time that is sent together, 10 to 5000 (default 1000)
  --yes                do not ask before sending to another machine`;

export interface ReplayOptions {
  target: string;
  speed: number;
  time: 'shifted' | 'original';
  fromMs: number | null;
  toMs: number | null;
  limitMinutes: number | null;
  faults: string | null;
  json: string | null;
  url: string;
  api: string;
  key: string | null;
  keepKey: boolean;
  tickMs: number;
  yes: boolean;
}

/** Reads the command line, or gives null when help was asked for. Throws with a sentence for the user on anything wrong. */
export function parseArguments(args: string[]): ReplayOptions | null {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: {
      speed: { type: 'string', default: '60' },
      time: { type: 'string', default: 'shifted' },
      from: { type: 'string' },
      to: { type: 'string' },
      'limit-minutes': { type: 'string' },
      faults: { type: 'string' },
      json: { type: 'string' },
      url: { type: 'string', default: 'http://127.0.0.1:4318' },
      api: { type: 'string', default: 'http://127.0.0.1:16686' },
      key: { type: 'string' },
      'keep-key': { type: 'boolean', default: false },
      'tick-ms': { type: 'string', default: '1000' },
      yes: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) return null;
  const [target, ...rest] = positionals;
  if (!target) throw new Error('which file or folder? Give its path, or --help for help.');
  if (rest.length > 0) throw new Error(`one path at a time, please: ${rest.join(' ')} is too much`);
  if (values.time !== 'shifted' && values.time !== 'original') throw new Error('--time is either shifted or original');
  const limit = values['limit-minutes'];
  return {
    target,
    speed: number('--speed', values.speed, 1, 100_000),
    time: values.time,
    fromMs: values.from === undefined ? null : instant('--from', values.from),
    toMs: values.to === undefined ? null : instant('--to', values.to),
    limitMinutes: limit === undefined ? null : number('--limit-minutes', limit, 0.1, 1e6),
    faults: values.faults ?? null,
    json: values.json ?? null,
    url: address('--url', values.url),
    api: address('--api', values.api),
    key: values.key ?? null,
    keepKey: values['keep-key'],
    tickMs: number('--tick-ms', values['tick-ms'], 10, 5_000),
    yes: values.yes,
  };
}

function number(name: string, text: string, min: number, max: number): number {
  const value = Number(text);
  if (text.trim() === '' || !(value >= min && value <= max))
    throw new Error(`${name} is a number from ${min} to ${max}`);
  return value;
}

function instant(name: string, text: string): number {
  const value = /T.*(Z|[+-]\d\d:?\d\d)$/.test(text) ? Date.parse(text) : NaN;
  if (Number.isNaN(value)) throw new Error(`${name} is an ISO time with its zone, such as 2022-08-22T03:52:00Z`);
  return value;
}

function address(name: string, text: string): string {
  if (!URL.canParse(text) || !/^https?:/.test(text)) throw new Error(`${name} is an http or https URL`);
  return text.replace(/\/+$/, '');
}

/** Whether a URL points to this machine. */
export function isLoopback(url: string): boolean {
  const { hostname } = new URL(url);
  return hostname === 'localhost' || hostname === '[::1]' || /^127\.\d+\.\d+\.\d+$/.test(hostname);
}
