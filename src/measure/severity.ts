import { SEVERITY_ERROR, SEVERITY_FATAL, SEVERITY_INFO, SEVERITY_WARN } from '../model/event.js';

const SEVERITY_DEBUG = 5;
const SEVERITY_TRACE = 1;

/** Where loggers put the level: near the beginning of the line. */
const LEVEL_WITHIN = 80;
const LEVEL =
  /\b(TRACE|DEBUG|INFO|NOTICE|WARN|WARNING|ERROR|SEVERE|CRITICAL|FATAL|PANIC)\b|"?level"?\s*[=:]\s*"?(\w{4,8})/;
const BANDS: Record<string, number> = {
  TRACE: SEVERITY_TRACE,
  DEBUG: SEVERITY_DEBUG,
  INFO: SEVERITY_INFO,
  INFORMATION: SEVERITY_INFO,
  NOTICE: SEVERITY_INFO,
  WARN: SEVERITY_WARN,
  WARNING: SEVERITY_WARN,
  ERROR: SEVERITY_ERROR,
  ERR: SEVERITY_ERROR,
  SEVERE: SEVERITY_ERROR,
  CRITICAL: SEVERITY_FATAL,
  FATAL: SEVERITY_FATAL,
  PANIC: SEVERITY_FATAL,
};

/**
 * Beginning of the OTLP severity band: from the severity number, else the severity text, else a level word in the text; 0 when nobody says.
 */
export function severityOf(severityNumber: number, severityText: string, text: string): number {
  if (severityNumber >= 1 && severityNumber <= 24) return severityNumber - ((severityNumber - 1) % 4);
  const named = BANDS[severityText.trim().toUpperCase()];
  if (named !== undefined) return named;
  const found = LEVEL.exec(text.slice(0, LEVEL_WITHIN));
  return BANDS[(found?.[1] ?? found?.[2] ?? '').toUpperCase()] ?? 0;
}
