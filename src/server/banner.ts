import path from 'node:path';
import type { Config } from '../config.js';
import { describeDatabase } from '../store/database.js';

/** What is said at start: what it is, who gets in, where things are kept. Holds no secret; receiving and notifying speak for themselves. */
export function bannerLines(config: Config, version: string, hasKey: boolean, queueLabel: string): string[] {
  const { listen, roles } = config;
  const host = listen.host.includes(':') ? `[${listen.host}]` : listen.host;
  const names = Object.entries(roles).filter(([, isOn]) => isOn);
  return [
    ...(roles.api ? [`API: http://${host}:${listen.apiPort}/api/v1, described at /api/docs`] : []),
    `Access: ${accessLine(config, hasKey)}`,
    `Database: ${describeDatabase(config.databaseUrl)}; queue: ${queueLabel}`,
    actionLinksLine(config),
    `Channel secrets are sealed with ${secretSource(config)}`,
    `Tracehound ${version} is ready (roles ${names.map(([name]) => name).join(', ')})`,
  ];
}

function accessLine({ listen, adminKey }: Config, hasKey: boolean): string {
  if (adminKey !== undefined) return 'an API key is needed; TRACEHOUND_ADMIN_KEY is one';
  if (hasKey) return 'an API key is needed';
  if (listen.loopbackOnly) return 'no API key yet, so only this machine gets in; POST /api/v1/keys makes the first';
  return 'OPEN TO EVERYBODY who can reach it, as ALLOW_UNAUTHENTICATED=true asks, until the first API key is made';
}

function actionLinksLine({ publicUrl, publicUrlIsSet }: Config): string {
  return publicUrlIsSet
    ? `Messages have links to acknowledge and to silence, which lead to ${publicUrl}/act/…`
    : 'Messages have no links to acknowledge and to silence: set PUBLIC_URL to the address where readers reach the API';
}

function secretSource({ secretKey, dataDir }: Config): string {
  if (secretKey !== undefined) return 'TRACEHOUND_SECRET_KEY';
  return `the key in ${path.resolve(dataDir, 'secret.key')}; keep a copy of it apart from the database`;
}
