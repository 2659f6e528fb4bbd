import { readFile } from 'node:fs/promises';
import { Inject, Injectable, Logger, type OnApplicationBootstrap } from '@nestjs/common';
import { Interval } from '@nestjs/schedule';
import { CONFIG, type Config, ConfigError } from '../config.js';
import { ChannelStore } from '../store/channel.store.js';
import { RuleStore } from '../store/rule.store.js';
import { DEFAULT_TENANT_ID } from '../store/tenant.store.js';
import { type FileRule, parseRulesFile, planOf, RulesFileInvalid, withChannels } from './rules-file.js';

const LOOK_EVERY_MS = 5_000;
const MAX_BYTES = 4 * 2 ** 20;

/** The rules of TRACEHOUND_RULES_FILE. Throws ConfigError that names file, rule and field. */
export async function readRulesFile(file: string): Promise<FileRule[]> {
  return parsed(file, await textOf(file));
}

/**
 * Keeps the rules of tenant `default` as TRACEHOUND_RULES_FILE has them: from the start on, and whenever the file or the channels that it
 * names have changed. Without the setting, rules that came from a file stay and belong to the API.
 */
@Injectable()
export class RulesFileWorker implements OnApplicationBootstrap {
  private readonly log = new Logger('rules file');
  /** What was applied last, or could not be: file and channels. */
  private seen: string | null = null;
  private isLooking = false;

  constructor(
    private readonly rules: RuleStore,
    private readonly channels: ChannelStore,
    @Inject(CONFIG) private readonly config: Pick<Config, 'rulesFile'>,
  ) {}

  async onApplicationBootstrap(): Promise<void> {
    if (this.config.rulesFile === undefined) await this.rules.release(DEFAULT_TENANT_ID);
    else await this.look();
  }

  /** Looks whether anything has changed. What is wrong is said once; the rules stay as they were. */
  @Interval(LOOK_EVERY_MS)
  async look(): Promise<void> {
    const { rulesFile } = this.config;
    if (rulesFile === undefined || this.isLooking) return;
    this.isLooking = true;
    try {
      await this.apply(rulesFile);
    } catch (error) {
      const message = error instanceof ConfigError ? error.problems.join('; ') : String(error);
      if (this.seen !== message) this.log.error(`the rules stay as they were: ${message}`);
      this.seen = message;
    } finally {
      this.isLooking = false;
    }
  }

  private async apply(file: string): Promise<void> {
    const text = await textOf(file);
    const channels = (await this.channels.list(DEFAULT_TENANT_ID)).map(({ id, name }) => ({ id, name }));
    const now = JSON.stringify([text, channels]);
    if (now === this.seen) return;
    const { rules, unknown } = withChannels(parsed(file, text), channels);
    const done = await this.rules.provision(DEFAULT_TENANT_ID, (there) => planOf(there, rules));
    for (const { rule, channel } of unknown) {
      this.log.warn(`${file}: rule ${rule}, channels: there is no channel ${channel} yet, so it is told nothing`);
    }
    this.log.log(
      `${file}: ${rules.length} rules; ${done.created} new, ${done.changed} changed, ${done.deleted} deleted`,
    );
    this.seen = now;
  }
}

async function textOf(file: string): Promise<string> {
  const text = await readFile(file, 'utf8').catch((error: Error) => {
    throw new ConfigError([`TRACEHOUND_RULES_FILE is ${file}, which cannot be read: ${error.message}`]);
  });
  if (text.length > MAX_BYTES) throw new ConfigError([`TRACEHOUND_RULES_FILE is ${file}: it is longer than 4 MiB`]);
  return text;
}

function parsed(file: string, text: string): FileRule[] {
  try {
    return parseRulesFile(text);
  } catch (error) {
    if (!(error instanceof RulesFileInvalid)) throw error;
    throw new ConfigError(error.problems.map((problem) => `TRACEHOUND_RULES_FILE is ${file}: ${problem}`));
  }
}
