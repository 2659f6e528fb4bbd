import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { parse, stringify } from 'yaml';
import { runRuleTest } from '../../src/alert/rule-tests.js';
import { RuleTests } from '../../src/alert/rule-tests-contract.js';
import {
  asFile,
  changedFields,
  type FileRule,
  inFile,
  type KnownChannel,
  parseRulesFile,
  rulesOfFile,
  RulesFileInvalid,
  withChannels,
} from '../../src/alert/rules-file.js';
import { invalidInput } from '../../src/model/invalid-input.js';
import type { StoredRule } from '../../src/model/rule.js';

const USAGE = `tracehound rules export [--format yaml|json]     print all rules as a file
tracehound rules diff <file>                      what applying the file would change
tracehound rules apply <file> [--prune]           make the rules as the file has them; --prune deletes all others
tracehound test-rules <file>...                   run unit tests of rules; needs no service

  --api <url>   where the API is (TRACEHOUND_API_URL, http://localhost:16686)
  --key <key>   an API key of scope admin (TRACEHOUND_API_KEY)
  --tenant <name>  whose rules are meant (TRACEHOUND_TENANT, else that of the key); a key of another is refused

Exit codes: 0 all well; 1 there are differences, or tests failed; 2 it could not be done.`;

/** What the user has to be told, without a stack. */
class Trouble extends Error {}

async function run(argv: string[]): Promise<number> {
  const { values, positionals } = parseArgs({
    args: argv,
    allowPositionals: true,
    options: {
      api: { type: 'string', default: process.env['TRACEHOUND_API_URL'] ?? 'http://localhost:16686' },
      key: { type: 'string', default: process.env['TRACEHOUND_API_KEY'] },
      format: { type: 'string', default: 'yaml' },
      prune: { type: 'boolean', default: false },
      tenant: { type: 'string', default: process.env['TRACEHOUND_TENANT'] },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  const [command, ...rest] = positionals;
  if (values.help) {
    console.log(USAGE);
    return 0;
  }
  if (command === 'test-rules' && rest.length > 0) return testRules(rest);
  const [action, file] = rest;
  const api = new RulesApi(values.api.replace(/\/+$/, ''), values.key, values.tenant);
  if (command === 'rules') await api.refuseOther();
  if (command === 'rules' && action === 'export' && (values.format === 'yaml' || values.format === 'json')) {
    const file = asFile(await api.rules(), await api.channels());
    console.log(values.format === 'json' ? JSON.stringify(file, null, 2) : stringify(file).trimEnd());
    return 0;
  }
  if (command === 'rules' && (action === 'diff' || action === 'apply') && file !== undefined) {
    return applyFile(api, named(file, parseRulesFile, await textOf(file)), values.prune, action === 'apply');
  }
  throw new Trouble(USAGE);
}

async function applyFile(api: RulesApi, file: readonly FileRule[], prune: boolean, really: boolean): Promise<number> {
  const [stored, channels] = [await api.rules(), await api.channels()];
  const { rules: wanted, unknown } = withChannels(file, channels);
  if (unknown.length > 0) {
    throw new Trouble(
      unknown.map(({ rule, channel }) => `rule ${rule}, channels: there is no channel ${channel}`).join('\n'),
    );
  }
  const there = new Map(stored.map((rule) => [rule.name, rule]));
  let changes = 0;
  const names = new Set(wanted.map(({ name }) => name));
  const others = stored.filter(({ name }) => !names.has(name));
  // First, since a tenant may have no more rules than a file.
  for (const { id, name } of prune ? others : []) {
    changes++;
    console.log(`- ${name}`);
    if (really) await api.call('DELETE', `rules/${id}`);
  }
  for (const values of wanted) {
    const before = there.get(values.name);
    if (before === undefined) {
      changes++;
      console.log(`+ ${values.name} (${values.type})`);
      if (really) await api.call('POST', 'rules', values);
      continue;
    }
    const fields = changedFields(inFile(before, channels), inFile(values, channels));
    if (fields.length === 0) continue;
    changes++;
    console.log(`~ ${values.name}`);
    for (const { field, before: a, after: b } of fields) {
      console.log(`    ${field}: ${JSON.stringify(a)} -> ${JSON.stringify(b)}`);
    }
    if (really) await api.call('PUT', `rules/${before.id}`, values);
  }
  for (const { name } of prune ? [] : others) {
    console.log(`  ${name} is not in the file and stays; --prune would delete it`);
  }
  console.log(changes === 0 ? 'no differences' : `${changes} ${really ? 'changed' : 'to change'}`);
  return really || changes === 0 ? 0 : 1;
}

async function testRules(files: readonly string[]): Promise<number> {
  let failed = 0;
  let passed = 0;
  for (const file of files) {
    const parsed = RuleTests.safeParse(await readYaml(file));
    if (!parsed.success) {
      throw new Trouble(`${file}: ${invalidInput(parsed.error.issues).message}`);
    }
    const all = named(file, rulesOfFile, { rules: parsed.data.rules });
    for (const other of parsed.data.rule_files.map((each) => path.resolve(path.dirname(file), each))) {
      all.push(...named(other, parseRulesFile, await textOf(other)));
    }
    const rules = all.map(({ values }, i) => ({ ...values, id: String(i), tenantId: 0, epoch: 1 }));
    for (const test of parsed.data.tests) {
      const failures = runRuleTest(rules, test);
      if (failures.length === 0) passed++;
      else failed++;
      for (const { evalTime, alertname, lines } of failures) {
        console.log(`FAILED ${file}: ${test.name}: ${alertname} at ${evalTime}`);
        for (const line of lines) console.log(`    ${line}`);
      }
    }
  }
  console.log(`${passed} passed, ${failed} failed`);
  return failed === 0 ? 0 : 1;
}

async function textOf(file: string): Promise<string> {
  return readFile(file, 'utf8').catch((error: Error) => {
    throw new Trouble(`${file} cannot be read: ${error.message}`);
  });
}

async function readYaml(file: string): Promise<unknown> {
  const text = await textOf(file);
  try {
    return parse(text, { maxAliasCount: 100 });
  } catch (error) {
    throw new Trouble(`${file}: ${(error as Error).message}`);
  }
}

/** Says which file it is that cannot be used. */
function named<T>(file: string, read: (content: T) => FileRule[], content: T): FileRule[] {
  try {
    return read(content);
  } catch (error) {
    if (!(error instanceof RulesFileInvalid)) throw error;
    throw new Trouble(error.problems.map((problem) => `${file}: ${problem}`).join('\n'));
  }
}

class RulesApi {
  constructor(
    private readonly url: string,
    private readonly key: string | undefined,
    private readonly tenant: string | undefined,
  ) {}

  async rules(): Promise<StoredRule[]> {
    return ((await this.call('GET', 'rules')) as { rules: StoredRule[] }).rules;
  }

  /** A key belongs to one tenant; who says which one they mean is not to change the rules of another. */
  async refuseOther(): Promise<void> {
    if (this.tenant === undefined) return;
    const { name } = (await this.call('GET', 'tenants/current')) as { name: string };
    if (name === this.tenant) return;
    throw new Trouble(`the API key is of tenant ${name}, not ${this.tenant}; give one of ${this.tenant}`);
  }

  async channels(): Promise<KnownChannel[]> {
    return ((await this.call('GET', 'channels')) as { channels: KnownChannel[] }).channels;
  }

  async call(method: string, path: string, body?: unknown): Promise<unknown> {
    const response = await fetch(`${this.url}/api/v1/${path}`, {
      method,
      headers: {
        ...(this.key !== undefined && { authorization: `Bearer ${this.key}` }),
        ...(this.tenant !== undefined && { 'x-tracehound-tenant': this.tenant }),
        ...(body !== undefined && { 'content-type': 'application/json' }),
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    }).catch((error: Error) => {
      throw new Trouble(`${this.url} does not answer: ${error.message}; say where the API is with --api`);
    });
    const text = await response.text();
    if (response.ok) return text === '' ? null : JSON.parse(text);
    throw new Trouble(`${method} ${path} was answered ${response.status}: ${text.slice(0, 500)}`);
  }
}

try {
  process.exitCode = await run(process.argv.slice(2));
} catch (error) {
  console.error((error as Error).message);
  process.exitCode = 2;
}
