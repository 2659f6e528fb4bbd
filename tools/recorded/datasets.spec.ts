import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, it } from '@jest/globals';
import { findDatasets, joinDays } from './datasets.js';
import { KNOWN_HEADERS } from './span-files.js';

const folder = mkdtempSync(path.join(tmpdir(), 'replay-datasets-'));
const [SPANS, NEZHA] = KNOWN_HEADERS;

function put(name: string, text: string): void {
  mkdirSync(path.dirname(path.join(folder, name)), { recursive: true });
  writeFileSync(path.join(folder, name), text);
}
put('own/shop_2022-08-22_spans.csv', SPANS);
put('own/shop_2022-08-22_logs.csv', 'trace_id,span_id,time_ns,pod,body');
put('own/faults.json', '[]');
put('own/notes.csv', 'a,b');
put('own/readme.md', '');
put('nezha/rca_data/2022-08-22/trace/03_53_trace.csv', NEZHA);
put('nezha/rca_data/2022-08-22/trace/03_54_trace.csv', NEZHA);
put('nezha/rca_data/2022-08-22/log/03_53_log.csv', 'Timestamp,TimeUnixNano,Node,PodName,Container,TraceID,SpanID,Log');
put('nezha/rca_data/2022-08-22/2022-08-22-fault_list.json', '{}');
put('nezha/rca_data/2023-01-29/trace/08_43_trace.csv', NEZHA);
put('nezha/construct_data/2022-08-22/trace/03_51_trace.csv', NEZHA);
const DAY_ROW = `${'a'.repeat(32)},${'1'.repeat(16)},root,web-0,GET /,1704448800000000000,1704448801000000000,1000000`;
put('days/rca_data/2024-01-05/trace/10_00_trace.csv', `${NEZHA}\n${DAY_ROW}`);
put('days/rca_data/2024-01-05/2024-01-05-fault_list.json', '{}');
put('trastrainer/data/dataset/shop/batches/batch1/trace/10_03_trace.csv', `${NEZHA}\n${DAY_ROW}`);
put('trastrainer/data/dataset/train/test/trace/11_00_trace.csv', `${NEZHA}\n${DAY_ROW.replace('170444', '170453')}`);
put('trastrainer/data/dataset/train/test/label.json', '[]');
mkdirSync(path.join(folder, 'empty'));
afterAll(() => rmSync(folder, { recursive: true }));

async function found(name: string) {
  const { datasets, skipped } = await findDatasets(path.join(folder, name));
  const short = (file: string): string => path.relative(folder, file);
  return {
    datasets: datasets.map((each) => ({
      name: each.name,
      files: each.files.map(({ file, format }) => `${format} ${path.basename(file)}`),
      faults: each.faultsFile && short(each.faultsFile),
      ...(each.logFiles ? { logs: each.logFiles.map((file) => path.basename(file)) } : {}),
    })),
    skipped: skipped.map((line) => line.replace(`${folder}/`, '')),
  };
}

describe('findDatasets', () => {
  const shop = { name: 'shop_2022-08-22', files: ['spans shop_2022-08-22_spans.csv'], faults: 'own/faults.json' };
  const faults = 'nezha/rca_data/2022-08-22/2022-08-22-fault_list.json';
  const day = {
    name: 'nezha-2022-08-22',
    files: ['nezha 03_53_trace.csv', 'nezha 03_54_trace.csv'],
    logs: ['03_53_log.csv'],
    faults,
  };
  const january = { name: 'nezha-2023-01-29', files: ['nezha 08_43_trace.csv'], faults: undefined };
  const cases = [
    {
      name: 'a folder of files',
      input: 'own',
      expected: {
        datasets: [{ ...shop, logs: ['shop_2022-08-22_logs.csv'] }],
        skipped: ['own/notes.csv is not a span file'],
      },
    },
    { name: 'a file', input: 'own/shop_2022-08-22_spans.csv', expected: { datasets: [shop], skipped: [] } },
    { name: 'a day of Nezha', input: 'nezha/rca_data/2022-08-22', expected: { datasets: [day], skipped: [] } },
    { name: 'its traces', input: 'nezha/rca_data/2022-08-22/trace', expected: { datasets: [day], skipped: [] } },
    { name: 'the days of Nezha', input: 'nezha/rca_data', expected: { datasets: [day, january], skipped: [] } },
    {
      name: 'the whole of Nezha, with the fault-free minutes of each day',
      input: 'nezha',
      expected: { datasets: [{ ...day, files: [...day.files, 'nezha 03_51_trace.csv'] }, january], skipped: [] },
    },
    {
      name: 'the batches of TraStrainer',
      input: 'trastrainer',
      expected: {
        datasets: [
          { name: 'trastrainer-shop-batch1', files: ['nezha 10_03_trace.csv'], faults: undefined },
          {
            name: 'trastrainer-train-test',
            files: ['nezha 11_00_trace.csv'],
            faults: 'trastrainer/data/dataset/train/test/label.json',
          },
        ],
        skipped: [],
      },
    },
    { name: 'an empty folder', input: 'empty', expected: { datasets: [], skipped: [] } },
  ];
  it.each(cases)('finds $name', async ({ input, expected }) => {
    expect(await found(input)).toEqual(expected);
  });

  it('refuses a single file of another form, and a path that is not there', async () => {
    await expect(findDatasets(path.join(folder, 'own/notes.csv'))).rejects.toThrow(
      'is not a span file: its first line',
    );
    await expect(findDatasets(path.join(folder, 'nowhere'))).rejects.toThrow('does not exist');
  });
});

describe('joinDays', () => {
  it('puts minutes of the same day together, from whichever repository they come, and leaves the rest', async () => {
    const found = [];
    for (const name of ['trastrainer', 'own', 'days'])
      found.push(...(await findDatasets(path.join(folder, name))).datasets);
    const short = (await joinDays(found)).map((each) => ({
      name: each.name,
      files: each.files.map(({ file }) => path.basename(file)),
      faults: each.faultsFile && path.basename(each.faultsFile),
    }));
    expect(short).toEqual([
      {
        name: 'trastrainer-shop-batch1',
        files: ['10_03_trace.csv', '10_00_trace.csv'],
        faults: '2024-01-05-fault_list.json',
      },
      { name: 'trastrainer-train-test', files: ['11_00_trace.csv'], faults: 'label.json' },
      { name: 'shop_2022-08-22', files: ['shop_2022-08-22_spans.csv'], faults: 'faults.json' },
    ]);
    // What was found is not changed by it.
    expect(found[0]?.files).toHaveLength(1);
  });
});
