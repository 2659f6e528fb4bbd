// Who supervises and which process serves, for `npm run hand-over`: a small file in the data directory.
import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { dataHome } from './embedded-postgres.mjs';
import { processIdentity } from './process-lock.mjs';

const fileOf = () => path.join(dataHome(), 'supervisor.json');

/** The supervisor's own record; one that cannot be written only means that hand-overs must be asked for by signal. */
export class SupervisorFile {
  #content = {
    pid: process.pid,
    identity: processIdentity(process.pid),
    service: null,
    failures: 0,
    lastFailure: null,
  };

  /** The process that serves from now on. */
  serves(pid) {
    this.#write({ service: pid });
  }

  /** A hand-over that did not come about. */
  failed(reason) {
    this.#write({ failures: this.#content.failures + 1, lastFailure: reason });
  }

  remove() {
    if (readSupervisor()?.pid === process.pid) rmSync(fileOf(), { force: true });
  }

  #write(change) {
    this.#content = { ...this.#content, ...change };
    try {
      const file = fileOf();
      mkdirSync(path.dirname(file), { recursive: true });
      // Whole or not at all: somebody may be reading.
      writeFileSync(`${file}.new`, `${JSON.stringify(this.#content)}\n`);
      renameSync(`${file}.new`, file);
    } catch {
      // See above.
    }
  }
}

/** What a living supervisor with this data directory wrote, or null. */
export function readSupervisor() {
  try {
    const content = JSON.parse(readFileSync(fileOf(), 'utf8'));
    return processIdentity(content.pid) === content.identity ? content : null;
  } catch {
    return null;
  }
}
