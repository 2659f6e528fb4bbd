import { existsSync, readdirSync, statSync } from 'node:fs';
import path from 'node:path';
import { firstDay, formatOf, KNOWN_HEADERS } from './span-files.js';

/** Spans that belong together: one system on one day. */
export interface Dataset {
  name: string;
  files: { file: string; format: 'spans' | 'nezha' }[];
  /** Log lines of the same system and day. */
  logFiles?: string[];
  /** A file with labelled faults, when there is one beside the spans. */
  faultsFile?: string;
}

export interface Found {
  datasets: Dataset[];
  /** What was passed over, and why. */
  skipped: string[];
}

const CSV = /\.csv(\.zst)?$/;

/**
 * Finds the data sets at a path: a CSV file, a folder of such files (each is a data set), a day of the Nezha repository
 * (a folder with `trace/`), a folder of days, that whole repository (its fault-free minutes of a day are added to it), or the
 * TraStrainer repository. The last two hold minutes of the same days: see `joinDays`.
 */
export async function findDatasets(target: string): Promise<Found> {
  if (!existsSync(target)) throw new Error(`${target} does not exist`);
  if (statSync(target).isFile()) return csvFiles([target], true);
  const has = (...parts: string[]): boolean => existsSync(path.join(target, ...parts));
  if (has('rca_data')) return days(path.join(target, 'rca_data'), path.join(target, 'construct_data'));
  if (has('data', 'dataset')) return traStrainer(path.join(target, 'data', 'dataset'));
  if (has('trace')) return day(target, []);
  const folders = readdirSync(target).filter((name) => has(name, 'trace'));
  if (folders.length > 0) return days(target, null);
  if (path.basename(path.resolve(target)) === 'trace') return day(path.dirname(path.resolve(target)), []);
  return csvFiles(listCsv(target), false);
}

async function days(folder: string, faultFree: string | null): Promise<Found> {
  const found: Found = { datasets: [], skipped: [] };
  for (const name of readdirSync(folder).sort()) {
    if (!existsSync(path.join(folder, name, 'trace'))) continue;
    const before = faultFree && path.join(faultFree, name, 'trace');
    const { datasets, skipped } = await day(path.join(folder, name), before && existsSync(before) ? [before] : []);
    found.datasets.push(...datasets);
    found.skipped.push(...skipped);
  }
  return found;
}

async function day(folder: string, more: string[], prefix = 'nezha'): Promise<Found> {
  const files = [path.join(folder, 'trace'), ...more].flatMap((traces) => listCsv(traces));
  const { readable, skipped } = await recognise(files, false);
  const logFolder = path.join(folder, 'log');
  const { logs } = await recognise(existsSync(logFolder) ? listCsv(logFolder) : [], false);
  const labels = readdirSync(folder).find((name) => name.endsWith('fault_list.json') || name === 'label.json');
  const dataset = {
    name: `${prefix}-${path.basename(path.resolve(folder))}`,
    files: readable,
    ...(logs.length > 0 ? { logFiles: logs } : {}),
    ...(labels === undefined ? {} : { faultsFile: path.join(folder, labels) }),
  };
  return { datasets: readable.length > 0 ? [dataset] : [], skipped };
}

/** Below `data/dataset` of that repository: `<system>/<kind>/.../trace`. */
async function traStrainer(root: string): Promise<Found> {
  const found: Found = { datasets: [], skipped: [] };
  const folders = readdirSync(root, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isDirectory() && entry.name === 'trace')
    .map((entry) => entry.parentPath)
    .sort();
  for (const folder of folders) {
    const system = path.relative(root, folder).split(path.sep)[0] ?? '';
    const { datasets, skipped } = await day(folder, [], `trastrainer-${system}`);
    found.datasets.push(...datasets);
    found.skipped.push(...skipped);
  }
  return found;
}

/**
 * Data sets in the layout of those repositories whose first spans began on the same day (UTC) become one: the repositories hold different
 * minutes of the same experiments, and only one of them may hold the labels. Others stay as they are.
 */
export async function joinDays(datasets: readonly Dataset[]): Promise<Dataset[]> {
  const joined: Dataset[] = [];
  const days = new Map<string, Dataset>();
  for (const dataset of datasets) {
    const [first] = dataset.files;
    const date = first?.format === 'nezha' ? await firstDay(first.file) : null;
    const known = date === null ? undefined : days.get(date);
    if (known === undefined) {
      const own = { ...dataset };
      joined.push(own);
      if (date !== null) days.set(date, own);
      continue;
    }
    known.files = [...known.files, ...dataset.files];
    if (dataset.logFiles) known.logFiles = [...(known.logFiles ?? []), ...dataset.logFiles];
    if (known.faultsFile === undefined && dataset.faultsFile !== undefined) known.faultsFile = dataset.faultsFile;
  }
  return joined;
}

async function csvFiles(files: string[], single: boolean): Promise<Found> {
  const { readable, logs, skipped } = await recognise(files, single);
  return {
    datasets: readable.map((each) => {
      const labels = path.join(path.dirname(each.file), 'faults.json');
      const name = nameOf(each.file);
      const logFiles = logs.filter((file) => nameOf(file) === name);
      return {
        name,
        files: [each],
        ...(logFiles.length > 0 ? { logFiles } : {}),
        ...(existsSync(labels) ? { faultsFile: labels } : {}),
      };
    }),
    skipped,
  };
}

/** `shop` for `shop_spans.csv.zst` and for `shop_logs.csv`. */
function nameOf(file: string): string {
  return path
    .basename(file)
    .replace(CSV, '')
    .replace(/_(spans|logs)$/, '');
}

async function recognise(
  files: string[],
  strict: boolean,
): Promise<{ readable: Dataset['files']; logs: string[]; skipped: string[] }> {
  const readable: Dataset['files'] = [];
  const logs: string[] = [];
  const skipped: string[] = [];
  for (const file of files) {
    const format = await formatOf(file);
    if (format === 'spans' || format === 'nezha') readable.push({ file, format });
    else if (format === 'logs') logs.push(file);
    else if (strict) {
      throw new Error(`${file} is not a span file: its first line should be\n  ${KNOWN_HEADERS.join('\nor\n  ')}`);
    } else skipped.push(`${file} is not a span file`);
  }
  return { readable, logs, skipped };
}

function listCsv(folder: string): string[] {
  return readdirSync(folder)
    .filter((name) => CSV.test(name))
    .sort()
    .map((name) => path.join(folder, name));
}
