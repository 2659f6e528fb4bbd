import { ConsoleLogger } from '@nestjs/common';

/** What the framework says of its own assembling; it tells an operator nothing. */
const FRAMEWORK: ReadonlySet<unknown> = new Set([
  'InstanceLoader',
  'NestApplication',
  'NestFactory',
  'RouterExplorer',
  'RoutesResolver',
]);

/** The log of the service, on standard output and standard error. */
export class ServiceLog extends ConsoleLogger {
  constructor() {
    super({ prefix: 'Tracehound', colors: process.stdout.isTTY === true });
  }

  protected override getTimestamp(): string {
    return new Date().toISOString();
  }

  override log(message: unknown, ...rest: unknown[]): void {
    if (!FRAMEWORK.has(rest.at(-1))) super.log(message, ...(rest as [string]));
  }
}
