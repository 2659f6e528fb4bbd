import type { INestApplication } from '@nestjs/common';
import { DocumentBuilder, SwaggerModule, type OpenAPIObject } from '@nestjs/swagger';
import { BODY_EXAMPLES } from './openapi-examples.js';
import { ErrorView } from './system-contract.js';

/** The OpenAPI document of every route of the application. */
export function openApiDocument(app: INestApplication): OpenAPIObject {
  const settings = new DocumentBuilder()
    .setTitle('Tracehound')
    .setDescription(
      'Watches distributed traces and tells which service is to blame. Times are ISO 8601 in UTC; lists are paged with ' +
        '`limit` and `cursor`; every error has the form of the schema `Error` and names the field at fault.',
    )
    .setVersion('1')
    .setLicense('Apache-2.0', 'https://www.apache.org/licenses/LICENSE-2.0')
    .addBearerAuth({ type: 'http', scheme: 'bearer', description: 'An API key: th_<prefix>_<secret>.' })
    .addSecurityRequirements('bearer')
    .addTag('incidents', 'What went wrong, why, and who was told.')
    .addTag('services', 'What is running, and what is normal for it.')
    .addTag('alerts', 'Who is told of what.')
    .addTag('routing', 'Routes, silences, inhibitions and mute times; alerts and their groups.')
    .addTag('traces', 'Spans as they were sent.')
    .addTag('access', 'Tenants and their API keys.')
    .addTag('system', 'How Tracehound itself is doing.')
    .addGlobalResponse(
      { status: 400, standardSchema: ErrorView, description: 'The input cannot be used; `field` names it.' },
      { status: 401, standardSchema: ErrorView, description: 'No key, or not a valid one.' },
      { status: 403, standardSchema: ErrorView, description: 'The key lacks the scope that this needs.' },
      { status: 503, standardSchema: ErrorView, description: 'Something that is needed is away; try again later.' },
    )
    .build();
  const document = SwaggerModule.createDocument(app, settings, {
    operationIdFactory: (controller, method) => `${controller.replace(/Controller$/, '')}_${method}`,
    autoTagControllers: false,
  });
  for (const [path, { get, post, put, patch, delete: remove }] of Object.entries(document.paths)) {
    for (const operation of [get, post, put, patch, remove]) {
      if (operation && path.includes('{')) operation.responses['404'] ??= NOT_FOUND;
      if (operation?.requestBody && 'content' in operation.requestBody) addExamples(operation.requestBody.content);
    }
  }
  return document;
}

function addExamples(content: Record<string, { schema?: object; examples?: object }>): void {
  for (const media of Object.values(content)) {
    const name = media.schema && '$ref' in media.schema ? String(media.schema.$ref).split('/').at(-1) : undefined;
    const examples = name === undefined ? undefined : BODY_EXAMPLES[name];
    if (examples === undefined) continue;
    media.examples = Object.fromEntries(Object.entries(examples).map(([title, value]) => [title, { value }]));
  }
}

const NOT_FOUND = {
  description: 'There is none of that id, or it is not yours.',
  content: { 'application/json': { schema: { $ref: '#/components/schemas/Error' } } },
};

/** Serves the document as pages at /api/docs and as JSON at /api/docs-json. */
export function serveOpenApi(app: INestApplication): void {
  SwaggerModule.setup('api/docs', app, () => openApiDocument(app), {
    jsonDocumentUrl: 'api/docs-json',
    yamlDocumentUrl: 'api/docs-yaml',
    customSiteTitle: 'Tracehound API',
  });
}
