// Besides the usual checks: who may import whom (docs/architecture.md, "Folders"), as one list of what is allowed per kind of file.
import tseslint from 'typescript-eslint';

const own = String.raw`\./[^/]+\.js`;
// A file of the same folder that is not an edge.
const ownPure = String.raw`\./(?![^/]*\.(worker|controller|channel|store|module)\.js)[^/]+\.js`;
const model = String.raw`\.\./model/[^/]+\.js`;
const store = String.raw`\.\./store/[^/]+\.js`;
// Small things that several folders share, beside the pipeline.
const troubleLog = String.raw`\.\./trouble-log\.js`;
const probe = String.raw`\.\./probe\.js`;
const listen = String.raw`\.\./listen\.js`;
const errorAnswer = String.raw`\.\./error-answer\.js`;
const textLine = String.raw`\.\./text-line\.js`;
// What the pages look like that links in messages open.
const htmlPage = String.raw`\.\./html-page\.js`;
const listCursor = String.raw`\.\./list-cursor\.js`;
const queue = String.raw`\.\./queue/[^/]+\.js`;
const pipeline = String.raw`\.\./pipeline\.js`;
const config = String.raw`\.\./config\.js`;
const access = String.raw`\.\./access/[^/]+\.js`;
const runner = String.raw`\.\./stage-runner\.js`;
const journal = (...files) => String.raw`\.\./journal/(${files.join('|')})\.js`;
const node = 'node:(?!process).+';
const nest = '@nestjs/.+';

/** Only the modules that match one of `allowed` may be imported. */
const imports = (message, ...allowed) => ({
  'no-restricted-imports': ['error', { patterns: [{ regex: `^(?!(?:${allowed.join('|')})$)`, message }] }],
});

const environment = {
  selector: 'MemberExpression[object.name="process"][property.name="env"]',
  message: 'Only src/config.ts reads the environment: take the value from Config.',
};
const dynamicImport = {
  selector: 'ImportExpression',
  message: 'Import at the top of the file, where the rule on imports sees it.',
};
const time = [
  {
    selector: 'CallExpression[callee.object.name=/^(Date|performance)$/][callee.property.name="now"]',
    what: 'The time',
  },
  { selector: 'NewExpression[callee.name="Date"][arguments.length=0]', what: 'The time' },
  { selector: 'CallExpression[callee.name="Date"]', what: 'The time' },
  { selector: 'MemberExpression[object.name="Math"][property.name="random"]', what: 'Chance' },
].map(({ selector, what }) => ({ selector, message: `${what} is an argument: this file is pure.` }));

const outsideWorld = ['fetch', 'crypto', 'process', 'setTimeout', 'setInterval', 'setImmediate', 'queueMicrotask'].map(
  (name) => ({ name, message: 'This file is pure: it gets data and returns data.' }),
);

/** A function of its arguments: no framework, no I/O, no clock, no chance. */
const pure = (...allowed) => ({
  ...imports('A pure file imports src/model and pure files of its own folder (docs/architecture.md).', ...allowed),
  'no-restricted-syntax': ['error', environment, dynamicImport, ...time],
  'no-restricted-globals': ['error', ...outsideWorld],
});

const edge = (message, ...allowed) => ({
  ...imports(message, ...allowed),
  'no-restricted-syntax': ['error', environment, dynamicImport],
  'no-restricted-globals': 'off',
});

const SUFFIXES = ['worker', 'controller', 'channel', 'store', 'module', 'thread'];
/** Files of a folder whose name says that they touch the world. */
const edgesOf = (folder) => SUFFIXES.map((suffix) => `src/${folder}/*.${suffix}.ts`);
const ANY_EDGE = SUFFIXES.map((suffix) => `src/**/*.${suffix}.ts`);
const TESTS = ['**/*.spec.ts'];

const STAGE = 'A stage imports no other stage: it reads tables, writes tables and rings a bell (docs/architecture.md).';

export default tseslint.config(
  { ignores: ['dist/', 'node_modules/', 'coverage/', '.data/'] },
  {
    linterOptions: { reportUnusedDisableDirectives: 'error' },
    rules: {
      eqeqeq: ['error', 'always', { null: 'ignore' }],
      'no-cond-assign': ['error', 'except-parens'],
      'no-constant-binary-expression': 'error',
      'no-debugger': 'error',
      'no-dupe-else-if': 'error',
      'no-empty': 'error',
      'no-fallthrough': 'error',
      'no-self-assign': 'error',
      'no-self-compare': 'error',
      'no-template-curly-in-string': 'error',
      'no-unmodified-loop-condition': 'error',
      'no-unreachable-loop': 'error',
      'no-unsafe-finally': 'error',
      'no-useless-assignment': 'error',
      'no-var': 'error',
      'object-shorthand': 'error',
      'prefer-const': 'error',
    },
  },
  {
    files: ['**/*.mjs', '**/*.js'],
    rules: { 'no-unused-vars': 'error' },
  },
  {
    files: ['**/*.ts'],
    ignores: ['**/*.d.mts'],
    extends: [tseslint.configs.recommended],
    languageOptions: { parserOptions: { project: './tsconfig.json', tsconfigRootDir: import.meta.dirname } },
    rules: {
      '@typescript-eslint/await-thenable': 'error',
      // Off: an `import type` of a class that Nest injects would compile to nothing.
      '@typescript-eslint/consistent-type-imports': 'off',
      '@typescript-eslint/no-array-delete': 'error',
      '@typescript-eslint/no-base-to-string': 'error',
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/no-for-in-array': 'error',
      '@typescript-eslint/no-misused-promises': 'error',
      // `array[i]!` inside a loop bound by the array's length is how noUncheckedIndexedAccess is lived with.
      '@typescript-eslint/no-non-null-assertion': 'off',
      '@typescript-eslint/no-unnecessary-type-assertion': 'error',
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
      '@typescript-eslint/only-throw-error': ['error', { allowThrowingUnknown: true }],
      '@typescript-eslint/return-await': ['error', 'error-handling-correctness-only'],
      '@typescript-eslint/switch-exhaustiveness-check': ['error', { considerDefaultExhaustiveForUnions: true }],
    },
  },
  {
    // node:http and timers take an async listener; a test sees what it throws.
    files: ['test/**/*.ts'],
    rules: { '@typescript-eslint/no-misused-promises': ['error', { checksVoidReturn: { arguments: false } }] },
  },

  // From here on: who may import whom. A later entry replaces an earlier one for the files of both.
  {
    // What is said of no folder in particular, the top of the program included.
    files: ['src/**/*.ts'],
    ignores: TESTS,
    rules: {
      'no-restricted-imports': [
        'error',
        {
          paths: ['bullmq', 'ioredis', 'pg', 'typeorm', 'process', 'node:process'].map((name) => ({
            name,
            message:
              'Only src/queue knows the queue, only src/store and src/journal the database (docs/architecture.md).',
          })),
        },
      ],
      'no-restricted-syntax': ['error', environment, dynamicImport],
    },
  },
  {
    // Tools talk to the service from outside, over HTTP.
    files: ['tools/**/*.ts'],
    rules: imports(
      'A tool knows the model and the answers of the API, nothing else of the service.',
      String.raw`(?!.*\/src\/).+`,
      String.raw`\.\./\.\./src/(model/[^/]+|query/[a-z]+-contract)\.js`,
    ),
  },
  {
    files: ['src/model/*.ts'],
    ignores: TESTS,
    rules: pure(ownPure),
  },
  {
    // The tails of distributions are shared by learning and detection; the gamma function is not ours to write.
    files: ['src/model/tail.ts'],
    rules: pure(ownPure, 'simple-statistics'),
  },
  {
    files: ['src/{measure,baseline,detect,rank,incident,correlate,alert,route,notify,query,receive,journal}/*.ts'],
    ignores: [...ANY_EDGE, ...TESTS],
    rules: pure(ownPure, model, 'simple-statistics'),
  },

  // Doors to the world inside a stage, and pure files that need one thing more.
  {
    files: ['src/{measure,baseline,detect,rank,incident,correlate}/*.worker.ts'],
    rules: edge(STAGE, own, model, store, queue, runner, pipeline, node, nest),
  },
  {
    // The journal is the store of spans.
    files: ['src/measure/measure.worker.ts'],
    rules: edge(
      STAGE,
      own,
      model,
      store,
      queue,
      runner,
      pipeline,
      journal('read', 'log-read', 'collect-versions'),
      node,
      nest,
    ),
  },
  {
    files: ['src/correlate/correlate.worker.ts'],
    rules: edge(STAGE, own, model, store, queue, runner, pipeline, journal('traces\\.store'), node, nest),
  },
  {
    files: [...edgesOf('alert'), ...edgesOf('route'), ...edgesOf('notify')],
    rules: edge(
      STAGE,
      errorAnswer,
      listCursor,
      own,
      model,
      store,
      queue,
      access,
      config,
      node,
      nest,
      'fastify',
      'standardwebhooks',
    ),
  },
  {
    // Rules are evaluated window by window, and some of them look at whole traces.
    files: ['src/alert/{evaluate.worker,replay-data.store}.ts'],
    rules: edge(STAGE, own, model, store, queue, runner, config, journal('traces\\.store'), node, nest),
  },
  {
    // A file for each type of rule.
    files: ['src/alert/rule-types/*.ts'],
    ignores: TESTS,
    rules: pure(
      ownPure,
      String.raw`\.\./\.\./model/[^/]+\.js`,
      String.raw`\.\./(failure|history|rule-data|select)\.js`,
    ),
  },
  {
    files: ['src/alert/{evaluate,match-incident}.ts'],
    rules: pure(ownPure, model, String.raw`\./rule-types/[^/]+\.js`),
  },
  {
    files: ['src/alert/insight.controller.ts'],
    rules: edge(STAGE, errorAnswer, own, model, store, access, String.raw`\./rule-types/conditions\.js`, node, nest),
  },
  {
    // YAML is what rules files are written in.
    files: ['src/alert/rules-file.ts'],
    rules: pure(ownPure, model, 'yaml'),
  },
  {
    // Unit tests of rules run what the service runs, without it.
    files: ['tools/rules/*.ts'],
    rules: imports(
      'It knows the pure files of rules.',
      String.raw`(?!.*\/src\/).+`,
      String.raw`\.\./\.\./src/(model/[^/]+|alert/(rule-tests|rule-tests-contract|rules-contract|rules-file))\.js`,
    ),
  },
  {
    // Schemas of what comes in and what goes out.
    files: ['src/*/{contract,*-contract}.ts', 'src/query/parameters.ts'],
    rules: pure(ownPure, model, textLine, listCursor, 'zod'),
  },
  {
    // Pages as HTML.
    files: ['src/route/act-page.ts', 'src/query/see-page.ts'],
    rules: pure(ownPure, model, htmlPage),
  },
  {
    // Alertmanager's configuration is YAML.
    files: ['src/route/alertmanager-config.ts'],
    rules: pure(ownPure, model, 'yaml'),
  },
  {
    // Patterns are users', label values anybody's: RE2 takes linear time.
    files: ['src/route/matcher.ts'],
    rules: pure(ownPure, model, 're2js'),
  },
  {
    files: ['src/notify/address.ts'],
    rules: pure(ownPure, model, 'ipaddr\\.js'),
  },
  {
    // The one way out: it connects, and looks at every address before it does.
    files: ['src/notify/egress.ts'],
    rules: edge(STAGE, own, model, config, node, 'undici'),
  },
  {
    // Libraries that one kind of channel needs: mail, and forms with a file in them (sent by egress.ts).
    files: ['src/notify/{email,discord}.channel.ts'],
    rules: edge(STAGE, own, model, 'nodemailer', 'undici'),
  },
  {
    files: ['src/notify/chart-svg.ts'],
    rules: pure(ownPure, model, 'd3-(scale|shape)'),
  },
  {
    // Draws with native code and a font of its own.
    files: ['src/notify/picture.ts'],
    rules: edge(STAGE, own, model, 'node:module', '@resvg/resvg-js'),
  },
  {
    // Which sender serves which type of channel.
    files: ['src/notify/senders.ts'],
    rules: edge(STAGE, own, model),
  },
  {
    // What a message says beside the decision is read as it is sent.
    files: ['src/notify/surroundings.ts'],
    rules: edge(STAGE, own, model, store, access, nest),
  },
  {
    files: edgesOf('query'),
    rules: edge(
      STAGE,
      listCursor,
      own,
      model,
      store,
      queue,
      access,
      config,
      pipeline,
      probe,
      journal('read', 'log-read', 'search', 'journal\\.module'),
      node,
      nest,
      'fastify',
      'prom-client',
    ),
  },
  {
    files: ['src/query/openapi.ts'],
    rules: pure(ownPure, model, nest),
  },
  {
    files: ['src/query/tenant-metrics.ts'],
    rules: pure(ownPure, model, pipeline, 'prom-client'),
  },

  // Receiving writes to the journal and reads what it accepts with the journal's own reader, so that both always agree.
  {
    files: [...edgesOf('receive'), 'src/receive/{receiver,log-receiver,ingest-pool,rate-limits,refusals}.ts'],
    rules: edge(
      STAGE,
      own,
      model,
      store,
      queue,
      access,
      config,
      listen,
      troubleLog,
      journal(
        'write',
        'log-write',
        'scan',
        'log-scan',
        'names',
        'names\\.module',
        'span-table',
        'splice',
        'wire',
        'pending',
        'dictionary',
        'partitions',
        'sql',
        'event-clocks',
      ),
      node,
      nest,
      'fastify',
    ),
  },
  {
    // A Fastify reply is thenable, but nobody waits for it.
    files: ['src/receive/otlp-http.controller.ts'],
    rules: { '@typescript-eslint/return-await': 'off' },
  },
  {
    files: ['src/receive/{admit,admit-logs}.ts'],
    rules: pure(ownPure, model, journal('otlp-scanner', 'log-scan', 'span-table')),
  },
  {
    files: ['src/receive/{otlp-json,status,rpc-status,grpc-health}.ts'],
    rules: pure(ownPure, model, 'protobufjs/minimal\\.js'),
  },
  {
    // HTTP/2 below OTLP/gRPC: connections, streams, deadlines.
    files: ['src/receive/grpc-{server,listener,message}.ts'],
    rules: edge(STAGE, ownPure, model, listen, 'node:(http2|net|stream|timers/promises)'),
  },
  {
    files: ['src/receive/{inflate,health}.ts'],
    rules: edge(STAGE, own, model, probe, 'node:zlib'),
  },
  {
    // Collects what an ingest thread saw, and posts it now and then.
    files: ['src/receive/clock-relay.ts'],
    rules: edge(STAGE, own, journal('pending')),
  },

  // The journal: the only place that knows how spans lie in the database. Its edges besides the workers are listed.
  {
    files: ['src/journal/{close,otlp-descriptor}.ts'],
    rules: pure(ownPure, model, pipeline, 'protobufjs'),
  },
  {
    // A segment's id is a hash: a function of its requests.
    files: ['src/journal/batch.ts'],
    rules: pure(ownPure, model, 'node:crypto'),
  },
  {
    files: [
      ...edgesOf('journal'),
      'src/journal/{write,commit,script,pack,sql,read,log-write,log-read,search,search-page,search-candidates,dictionary,partitions,event-clocks}.ts',
      'src/journal/{retention,kept-traces}.ts',
    ],
    rules: edge(STAGE, own, model, store, queue, config, pipeline, troubleLog, node, nest, 'typeorm', 'pg'),
  },

  // Shared ground below the stages.
  {
    files: ['src/store/*.ts'],
    ignores: TESTS,
    rules: edge(
      'A store imports the model and TypeORM; no stage, no queue.',
      own,
      model,
      config,
      pipeline,
      node,
      nest,
      'typeorm',
    ),
  },
  {
    files: ['src/store/data-source.ts'],
    rules: edge(
      'The data source imports the migrations and TypeORM.',
      String.raw`\.\./\.\./migrations/.+\.js`,
      'typeorm',
    ),
  },
  {
    files: ['src/queue/*.ts'],
    ignores: TESTS,
    rules: edge(
      'The queue imports the model, BullMQ and its drivers; what is due is passed in.',
      own,
      model,
      config,
      troubleLog,
      node,
      nest,
      'zod',
      'prom-client',
      'bullmq',
      'ioredis',
      'pg',
    ),
  },
  {
    files: ['src/access/*.ts'],
    ignores: TESTS,
    rules: edge(
      'Access knows its stores and nothing of the stages.',
      own,
      model,
      htmlPage,
      store,
      troubleLog,
      errorAnswer,
      config,
      node,
      nest,
      'fastify',
      'jose',
      'zod',
      'ipaddr\\.js',
    ),
  },
  {
    files: ['src/access/{key,loopback}.ts'],
    rules: pure(ownPure, model, 'ipaddr\\.js'),
  },

  // The top of the program.
  {
    files: ['src/pipeline.ts'],
    rules: pure(String.raw`\./model/[^/]+\.js`),
  },
  {
    files: ['src/stage-runner.ts'],
    rules: edge(
      STAGE,
      String.raw`\./(pipeline|stage-costs|queue/bell|store/cursor\.store)\.js`,
      node,
      '@nestjs/common',
      'typeorm',
    ),
  },
  {
    files: ['src/config.ts'],
    rules: {
      ...imports(
        'Settings depend on nothing but their checks.',
        String.raw`\./access/(key|loopback)\.js`,
        node,
        'zod',
        'ipaddr\\.js',
      ),
      'no-restricted-syntax': ['error', dynamicImport],
    },
  },
);
