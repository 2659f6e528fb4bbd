/** Stops the servers that global-setup.mjs started, and no others. */
export default async function globalTeardown() {
  await Promise.all((globalThis.serversOfThisRun ?? []).map((server) => server.stop()));
}
