import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { createTestDatabase } from '../support/database.js';
import { startDelivery, type Delivery } from '../support/delivery.js';
import { startMailServer } from '../support/mail-server.js';
import { startService } from '../support/service.js';

const hasOpenssl = spawnSync('openssl', ['version']).status === 0;
if (!hasOpenssl) console.warn('Skipped: openssl not found, which makes the certificates.');
const itWithOpenssl = hasOpenssl ? it : it.skip;

let dir: string;
interface Pem {
  key: Buffer;
  cert: Buffer;
  certFile: string;
}
let pem: Pem;

beforeAll(() => {
  dir = mkdtempSync(path.join(os.tmpdir(), 'certificate-'));
  if (!hasOpenssl) return;
  pem = makeCertificate('localhost', new Date(Date.now() + 86_400_000));
});

/** A certificate that vouches for itself, of the last year or so until that instant. */
function makeCertificate(host: string, until: Date): Pem {
  const home = mkdtempSync(path.join(dir, 'made-'));
  const [keyFile, certFile, requestFile, configFile] = ['key', 'cert', 'request', 'config'].map((name) =>
    path.join(home, `${name}.pem`),
  ) as [string, string, string, string];
  writeFileSync(path.join(home, 'index.txt'), '');
  const sections = [
    ['ca', 'default_ca=c'],
    ['c', `database=${home}/index.txt`, `new_certs_dir=${home}`, 'default_md=sha256', 'policy=p', 'rand_serial=yes'],
    ['p', 'commonName=supplied'],
    ['e', `subjectAltName=DNS:${host}`],
  ];
  writeFileSync(configFile, sections.map(([name, ...lines]) => [`[${name}]`, ...lines].join('\n')).join('\n'));
  const instant = (at: Date) => `${at.toISOString().slice(0, 19).replaceAll(/[-:T]/g, '')}Z`;
  const openssl = (...args: string[]) => execFileSync('openssl', args, { stdio: 'ignore' });
  const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  openssl('req', '-new', ...curve, '-keyout', keyFile, '-out', requestFile, '-subj', `/CN=${host}`);
  const from = new Date(until.getTime() - 366 * 86_400_000);
  openssl(
    ...['ca', '-batch', '-selfsign', '-notext', '-config', configFile, '-extensions', 'e', '-keyfile', keyFile],
    ...['-in', requestFile, '-out', certFile, '-startdate', instant(from), '-enddate', instant(until)],
  );
  return { key: readFileSync(keyFile), cert: readFileSync(certFile), certFile };
}

/** A receiver with that certificate: where it is, and how many requests it got. */
async function receiver({ key, cert }: Pem): Promise<{ url: string; requests: () => number; server: Server }> {
  let requests = 0;
  const server = createServer({ key, cert }, (_request, response) => {
    requests++;
    response.end('ok');
  });
  await new Promise<void>((ready) => server.listen(0, '127.0.0.1', ready));
  const url = `https://localhost:${(server.address() as AddressInfo).port}/hook`;
  return { url, requests: () => requests, server };
}
afterAll(() => rmSync(dir, { recursive: true, force: true }));

describe('a certificate that nobody vouches for', () => {
  let delivery: Delivery;
  let server: Server | undefined;
  beforeEach(async () => {
    delivery = await startDelivery('certificates');
  });
  afterEach(async () => {
    server?.close();
    await delivery.close();
  });

  itWithOpenssl('delays a message to a webhook, and says why', async () => {
    const { url, requests, ...started } = await receiver(pem);
    server = started.server;
    await delivery.channel('webhook', url);
    await delivery.open();
    await delivery.notify.run(1);
    expect(requests()).toBe(0);
    expect((await delivery.outbox())[0]).toMatchObject({
      state: 'pending',
      last_error: expect.stringContaining('the certificate is self-signed'),
    });
  });

  itWithOpenssl('delays a mail, of which nothing was sent', async () => {
    const mail = await startMailServer({ key: pem.key, cert: pem.cert });
    try {
      const settings = {
        host: 'localhost',
        port: mail.port,
        security: 'starttls',
        user: 'u',
        password: 'geheim',
      } as const;
      await delivery.channel('email', 'smtp://shown', 1, { ...settings, from: 'a@example.com', to: ['b@example.com'] });
      await delivery.open();
      await delivery.notify.run(1);
      expect(mail.mails).toEqual([]);
      const [row] = await delivery.outbox();
      expect(row).toMatchObject({ state: 'pending', last_error: expect.stringMatching(/certificate/) });
      expect(row?.last_error).not.toContain('geheim');
    } finally {
      await mail.close();
    }
  });
});

describe('a certificate of an authority that the operator trusts', () => {
  itWithOpenssl('lets a message go, unless it has expired or is of another host: then nothing is sent', async () => {
    const tomorrow = new Date(Date.now() + 86_400_000);
    const made = [
      makeCertificate('localhost', tomorrow),
      makeCertificate('localhost', new Date(Date.now() - 86_400_000)),
      makeCertificate('elsewhere.example', tomorrow),
    ];
    const trusted = path.join(dir, 'trusted.pem');
    writeFileSync(trusted, Buffer.concat(made.map(({ cert }) => cert)));
    const receivers = await Promise.all(made.map(receiver));
    const database = await createTestDatabase('certificates_trusted');
    const env = { ROLES: 'api', OUTBOUND_ALLOW: '127.0.0.0/8,::1/128', NODE_EXTRA_CA_CERTS: trusted };
    const service = await startService({ databaseUrl: database.url, env });
    const post = async <T>(apiPath: string, body: object = {}): Promise<T> => {
      const headers = { 'content-type': 'application/json' };
      const url = `${service.apiUrl}/api/v1/${apiPath}`;
      return (await (await fetch(url, { method: 'POST', headers, body: JSON.stringify(body) })).json()) as T;
    };
    try {
      const outcomes = [];
      for (const { url } of receivers) {
        const { id } = await post<{ id: string }>('channels', { name: url, type: 'webhook', url });
        outcomes.push(await post(`channels/${id}/test`));
      }
      expect(outcomes).toMatchObject([
        { outcome: 'sent', status: 200 },
        { status: null, reason: expect.stringContaining('the certificate has expired') },
        { status: null, reason: expect.stringContaining('the certificate is for another host') },
      ]);
      expect(receivers.map(({ requests }) => requests())).toEqual([1, 0, 0]);
    } finally {
      await service.stop();
      await database.drop();
      for (const { server } of receivers) server.close();
    }
  });

  itWithOpenssl('lets a mail go, encrypted, with user and password', async () => {
    const mail = await startMailServer({
      key: pem.key,
      cert: pem.cert,
      authOptional: false,
      onAuth: ({ username, password }, _session, done) =>
        password === 'geheim' ? done(null, { user: username }) : done(new Error('no')),
    });
    const database = await createTestDatabase('certificates_service');
    const service = await startService({
      databaseUrl: database.url,
      env: { ROLES: 'api', OUTBOUND_ALLOW: '127.0.0.0/8,::1/128', NODE_EXTRA_CA_CERTS: pem.certFile },
    });
    const call = async (apiPath: string, body: object = {}) => {
      const response = await fetch(`${service.apiUrl}/api/v1/${apiPath}`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(body),
      });
      return { status: response.status, text: await response.text() };
    };
    try {
      const input = { name: 'mail', type: 'email', host: 'localhost', port: mail.port, user: 'us', password: 'geheim' };
      const made = await call('channels', { ...input, from: 'a@example.com', to: ['b@example.com'] });
      expect(made).toMatchObject({ status: 201, text: expect.not.stringContaining('geheim') });
      expect(JSON.parse(made.text)).toMatchObject({
        url: `smtp://localhost:${mail.port}`,
        settings: { host: 'localhost', security: 'starttls', user: 'us', to: ['b@example.com'] },
      });
      const { id } = JSON.parse(made.text) as { id: string };
      expect(JSON.parse((await call(`channels/${id}/test`)).text)).toMatchObject({ outcome: 'sent', status: 250 });
      expect(mail.mails).toMatchObject([{ to: ['b@example.com'], wasSecure: true, user: 'us' }]);
    } finally {
      await service.stop();
      await database.drop();
      await mail.close();
    }
  });
});
