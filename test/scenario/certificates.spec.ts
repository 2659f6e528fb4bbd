import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { execFileSync, spawnSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
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
let pem: { key: Buffer; cert: Buffer; certFile: string };

beforeAll(() => {
  dir = mkdtempSync(path.join(os.tmpdir(), 'certificate-'));
  if (!hasOpenssl) return;
  const [keyFile, certFile] = [path.join(dir, 'key.pem'), path.join(dir, 'cert.pem')];
  execFileSync(
    'openssl',
    [
      ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2'],
      ...['-keyout', keyFile, '-out', certFile, '-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost'],
    ],
    { stdio: 'ignore' },
  );
  pem = { key: readFileSync(keyFile), cert: readFileSync(certFile), certFile };
});
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
    let requests = 0;
    server = createServer({ key: pem.key, cert: pem.cert }, (_request, response) => {
      requests++;
      response.end('ok');
    });
    await new Promise<void>((ready) => server?.listen(0, '127.0.0.1', ready));
    await delivery.channel('webhook', `https://localhost:${(server.address() as AddressInfo).port}/hook`);
    await delivery.step(randomUUID(), 'opened');
    await delivery.alert.run(1);
    await delivery.notify.run(1);
    expect(requests).toBe(0);
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
      await delivery.step(randomUUID(), 'opened');
      await delivery.alert.run(1);
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
