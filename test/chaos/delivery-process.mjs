// One process of the service with roles api and worker, on a clock that its parent sets by message: { shiftMs }.
let shiftMs = Number(process.env.SHIFT_MS ?? 0);
const realNow = Date.now;
Date.now = () => realNow() + shiftMs;
globalThis.Date = new Proxy(Date, {
  construct: (target, given, self) => Reflect.construct(target, given.length > 0 ? given : [target.now()], self),
});
process.on('message', (message) => (shiftMs = message.shiftMs));
process.on('disconnect', () => process.exit(0));

const dist = new URL('../../dist/src/', import.meta.url);
await import('reflect-metadata');
const [{ AppModule }, { createApi }, { createDataSource }, { parseConfig }] = await Promise.all(
  ['app.module', 'server/api', 'store/data-source', 'config'].map((name) => import(new URL(`${name}.js`, dist))),
);
const config = parseConfig(process.env);
const db = await createDataSource(config.databaseUrl, 8).initialize();
const quiet = () => undefined;
const app = await createApi(AppModule.register(config, db), { log: quiet, warn: quiet, error: quiet });
await app.listen(0, '127.0.0.1');
process.send({ url: await app.getUrl() });
