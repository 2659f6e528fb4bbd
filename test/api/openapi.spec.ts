import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { RequestMethod, type Type } from '@nestjs/common';
import { METHOD_METADATA, PATH_METADATA } from '@nestjs/common/constants.js';
import { readdirSync } from 'node:fs';
import { createTestDatabase, type TestDatabase } from '../support/database.js';
import { startService } from '../support/service.js';

interface Operation {
  operationId: string;
  summary?: string;
  tags?: string[];
  security?: object[];
  parameters?: { name: string; in: string; required?: boolean; schema?: object }[];
  requestBody?: { content: Record<string, { examples?: Record<string, { value: object }> }> };
  responses: Record<string, { description?: string; content?: Record<string, { schema?: object }> }>;
}
interface OpenApi {
  paths: Record<string, Record<string, Operation>>;
  components: { schemas: Record<string, object>; securitySchemes: Record<string, object> };
  security: object[];
  tags: { name: string }[];
}

const ID = '0b54a7a6-8d4e-4e63-9be6-0c7d7f6f1a11';

let database: TestDatabase;
let service: Awaited<ReturnType<typeof startService>>;
let openApi: OpenApi;
let operations: { route: string; operation: Operation }[];

beforeAll(async () => {
  database = await createTestDatabase('openapi');
  service = await startService({ databaseUrl: database.url, env: { ROLES: 'api' } });
  openApi = (await (await fetch(`${service.apiUrl}/api/docs-json`)).json()) as OpenApi;
  operations = Object.entries(openApi.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ route: `${method.toUpperCase()} ${path}`, operation })),
  );
});

afterAll(async () => {
  await service?.stop();
  await database?.drop();
});

/** Alertmanager's API is Alertmanager's to describe; its own document holds for ours. Pages for people are no API. */
const OF_OTHERS = ['AlertmanagerController', 'ActController', 'SeeController'];

/** Routes as the controllers in the source declare them. */
async function declaredRoutes(): Promise<string[]> {
  const root = new URL('../../src/', import.meta.url);
  const files = readdirSync(root, { recursive: true, encoding: 'utf8' }).filter((file) =>
    /\.controller\.ts$/.test(file),
  );
  const routes: string[] = [];
  for (const file of files) {
    const exported = Object.values((await import(new URL(file, root).pathname)) as Record<string, unknown>);
    for (const controller of exported.filter((each): each is Type => typeof each === 'function')) {
      const base: unknown = Reflect.getMetadata(PATH_METADATA, controller);
      if (base === undefined || OF_OTHERS.includes(controller.name)) continue;
      for (const name of Object.getOwnPropertyNames(controller.prototype)) {
        const handler = (controller.prototype as Record<string, object>)[name]!;
        const method: RequestMethod | undefined = Reflect.getMetadata(METHOD_METADATA, handler);
        if (method === undefined) continue;
        const path = [base, Reflect.getMetadata(PATH_METADATA, handler)].map(String).join('/');
        routes.push(
          `${RequestMethod[method]} ${path
            .replace(/:(\w+)/g, '{$1}')
            .replace(/^\/*|\/+/g, '/')
            .replace(/(.)\/$/, '$1')}`,
        );
      }
    }
  }
  return routes;
}

it('stands where the address of the API leads to', async () => {
  const answer = await fetch(service.apiUrl, { redirect: 'manual' });
  expect([answer.status, answer.headers.get('location')]).toEqual([302, '/api/docs']);
});

describe('the OpenAPI document', () => {
  it('has every route of the controllers, and no other', async () => {
    const declared = await declaredRoutes();
    expect(declared.length).toBeGreaterThanOrEqual(9);
    expect(operations.map(({ route }) => route).sort()).toEqual(declared.sort());
  });

  it('describes every operation, with an answer that has a schema', () => {
    const tags = new Set(openApi.tags.map((tag) => tag.name));
    for (const { route, operation } of operations) {
      expect({ route, summary: operation.summary }).toEqual({ route, summary: expect.stringMatching(/\S/) });
      expect({ route, tags: operation.tags }).toEqual({ route, tags: [expect.any(String)] });
      expect({ route, known: operation.tags!.every((tag) => tags.has(tag)) }).toEqual({ route, known: true });
      const good = Object.entries(operation.responses).filter(([status]) => status.startsWith('2'));
      expect({ route, good: good.length }).toEqual({ route, good: 1 });
      const [status, answer] = good[0]!;
      const schemas = Object.values(answer.content ?? {}).map(({ schema }) => schema);
      if (status !== '204') expect({ route, schemas }).toEqual({ route, schemas: [expect.any(Object)] });
    }
  });

  it('shows the error form for every error of every operation', () => {
    const error = { $ref: '#/components/schemas/Error' };
    for (const { route, operation } of operations) {
      if (route === 'GET /health') continue;
      for (const status of ['400', '401', '403', '503']) {
        expect({ route, status, schema: operation.responses[status]?.content?.['application/json']?.schema }).toEqual({
          route,
          status,
          schema: error,
        });
      }
      if (route.includes('{')) expect({ route, is: '404' in operation.responses }).toEqual({ route, is: true });
    }
  });

  it('asks for a bearer key everywhere but for /health', () => {
    expect(openApi.components.securitySchemes).toMatchObject({ bearer: { type: 'http', scheme: 'bearer' } });
    expect(openApi.security).toEqual([{ bearer: [] }]);
    const open = operations.filter(({ operation }) => operation.security?.length === 0).map(({ route }) => route);
    expect(open).toEqual(['GET /health']);
  });

  it('names every parameter, required exactly where it stands in the path', () => {
    for (const { route, operation } of operations) {
      const inPath = [...route.matchAll(/\{(\w+)\}/g)].map(([, name]) => name);
      const parameters = operation.parameters ?? [];
      expect({ route, inPath: parameters.filter((each) => each.in === 'path').map((each) => each.name) }).toEqual({
        route,
        inPath,
      });
      for (const { name, in: place, required, schema } of parameters) {
        expect({ route, name, schema }).toEqual({ route, name, schema: expect.any(Object) });
        expect({ route, name, required: required ?? false }).toEqual({ route, name, required: place === 'path' });
      }
    }
    const ofIncidents = openApi.paths['/api/v1/incidents']!['get']!.parameters!.map(({ name }) => name);
    expect(ofIncidents.sort()).toEqual(['cursor', 'from', 'limit', 'service', 'state', 'to']);
  });

  it('resolves every reference and uses every operation id once', () => {
    const text = JSON.stringify(openApi);
    const wanted = new Set([...text.matchAll(/"\$ref":"#\/components\/schemas\/([^"]+)"/g)].map(([, name]) => name));
    expect([...wanted].filter((name) => !(name! in openApi.components.schemas))).toEqual([]);
    expect(wanted.has('Incident')).toBe(true);
    const ids = operations.map(({ operation }) => operation.operationId);
    expect(new Set(ids).size).toBe(ids.length);
  });

  it('is shown as pages too', async () => {
    const page = await fetch(`${service.apiUrl}/api/docs`);
    expect([page.status, page.headers.get('content-type')]).toEqual([200, expect.stringContaining('text/html')]);
  });
});

describe('the examples of what is sent', () => {
  it('stand at every operation that takes something, and are taken as they stand', async () => {
    const refused: unknown[] = [];
    // The first key ends access without one, so that keys come last; those after it are refused with a status that is documented, too.
    const byKeys = ({ route }: { route: string }) => Number(route.includes('/keys'));
    for (const { route, operation } of operations.toSorted((a, b) => byKeys(a) - byKeys(b))) {
      for (const [type, { examples = {} }] of Object.entries(operation.requestBody?.content ?? {})) {
        if (Object.keys(examples).length === 0) refused.push([route, 'has no example']);
        for (const [title, { value }] of Object.entries(examples)) {
          const [method, path] = route.split(' ') as [string, string];
          const answer = await fetch(
            `${service.apiUrl}${path.replace(/\{\w+\}/g, path.includes('tenants') ? '1' : ID)}`,
            {
              method: method.toUpperCase(),
              headers: { 'content-type': type },
              body: JSON.stringify(value),
            },
          );
          const isDocumented = String(answer.status) in operation.responses;
          if (answer.status === 400 || answer.status >= 500 || !isDocumented) {
            refused.push([route, title, answer.status, await answer.text()]);
          }
        }
      }
    }
    expect(refused).toEqual([]);
  });
});
