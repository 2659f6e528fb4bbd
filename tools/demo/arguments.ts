import { parseArgs } from 'node:util';
import { FAULTS } from './messages.js';
import type { FaultKind } from './messages.js';

export const USAGE = `Shows Tracehound at work: a small shop of five processes, customers, and a fault.

  npm run demo -- [options]

  --fault slow|errors  what happens to the cart service (default slow)
  --minutes N          how long the learning may take at most (default 10)
  --url URL            where a running Tracehound receives OTLP/HTTP (default http://127.0.0.1:4318)
  --api URL            where its API is (default http://127.0.0.1:16686)
  --key KEY            an API key with the scope admin, when it has keys

If none is running there, the demo starts one of its own and removes it at the end.`;

export interface DemoOptions {
  fault: FaultKind;
  minutes: number;
  url: string;
  api: string;
  key: string | undefined;
}

/** Reads the command line, or gives null when help was asked for. Throws with a sentence for the user on anything wrong. */
export function parseArguments(args: string[]): DemoOptions | null {
  const { values } = parseArgs({
    args,
    options: {
      fault: { type: 'string', default: 'slow' },
      minutes: { type: 'string', default: '10' },
      url: { type: 'string', default: 'http://127.0.0.1:4318' },
      api: { type: 'string', default: 'http://127.0.0.1:16686' },
      key: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) return null;
  const fault = FAULTS.find((each) => each === values.fault);
  if (!fault) throw new Error(`--fault is one of ${FAULTS.join(', ')}`);
  const minutes = Number(values.minutes);
  if (!(minutes > 0 && minutes <= 120)) throw new Error('--minutes is a number up to 120');
  return { fault, minutes, url: values.url, api: values.api, key: values.key };
}
