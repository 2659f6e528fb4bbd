import { OVERFLOW_TEMPLATE, type EventSource, type EventTemplate } from '../model/event.js';
import { stableId } from './stable-id.js';

/** Templates of one service and source; what comes beyond shares one template a severity, in plain sight. */
const MAX_TEMPLATES = 300;
const MAX_TOKENS = 40;
/** Part of a template's fixed words that a line must share. Drain's 0.4 merges "payment accepted" and "payment refused" too easily. */
const MIN_SIMILARITY = 0.7;
const WILDCARD = '<*>';
/** Words that make another message of it, however much the rest agrees. */
const OUTCOMES =
  /success|complet|fail|error|exception|timeout|timed out|denied|refused|reject|invalid|unable|cannot|abort|panic|unavailable|missing|\bnot\b|\bno\b|\bnull\b/gi;

interface Cluster {
  template: EventTemplate;
  tokens: string[];
}

/**
 * Templates of one tenant, mined as lines come: Drain (He, Zhu, Zheng & Lyu, "Drain: An Online Log Parsing Approach with Fixed Depth
 * Tree", ICWS 2017) with a tree of depth three: number of words, words of outcome, first word. Lines must be masked already.
 * The result depends on the order of lines: give those of a window sorted.
 */
export class TemplateTree {
  private readonly leaves = new Map<string, Cluster[]>();
  private readonly counts = new Map<string, number>();
  /** Templates made or widened since `takeChanged`. */
  private changed = new Map<number, EventTemplate>();
  readonly templates = new Map<number, EventTemplate>();

  /** Templates that are known already, in the order in which they were first seen. */
  constructor(known: readonly EventTemplate[]) {
    for (const template of known) this.keep({ ...template }, tokensOf(template.text));
  }

  /** The template of a masked line, made or widened where needed. */
  learn(serviceId: number, source: EventSource, severity: number, masked: string): EventTemplate {
    const tokens = tokensOf(masked);
    const leaf = this.leaves.get(leafKey(serviceId, source, severity, tokens)) ?? [];
    let best: Cluster | null = null;
    let bestSimilarity = 0;
    for (const cluster of leaf) {
      const similarity = similarityOf(cluster.tokens, tokens);
      if (similarity > bestSimilarity) [best, bestSimilarity] = [cluster, similarity];
    }
    if (best !== null && bestSimilarity >= MIN_SIMILARITY) return this.widen(best, tokens);
    const isFull = (this.counts.get(`${serviceId}|${source}`) ?? 0) >= MAX_TEMPLATES;
    const text = isFull ? OVERFLOW_TEMPLATE : tokens.join(' ');
    const id = stableId(`${serviceId}|${source}|${severity}|${text}`);
    const known = this.templates.get(id);
    if (known !== undefined) return known;
    const template: EventTemplate = { id, serviceId, source, severity, text };
    this.keep(template, isFull ? [OVERFLOW_TEMPLATE] : tokens);
    this.changed.set(id, template);
    return template;
  }

  /** What must be stored, in the order in which it was made; asking forgets it. */
  takeChanged(): EventTemplate[] {
    const changed = [...this.changed.values()];
    this.changed = new Map();
    return changed;
  }

  private keep(template: EventTemplate, tokens: string[]): void {
    this.templates.set(template.id, template);
    if (template.text === OVERFLOW_TEMPLATE) return;
    const { serviceId, source, severity } = template;
    const key = leafKey(serviceId, source, severity, tokens);
    const leaf = this.leaves.get(key);
    if (leaf === undefined) this.leaves.set(key, [{ template, tokens }]);
    else leaf.push({ template, tokens });
    const count = `${serviceId}|${source}`;
    this.counts.set(count, (this.counts.get(count) ?? 0) + 1);
  }

  private widen(cluster: Cluster, tokens: readonly string[]): EventTemplate {
    let isWider = false;
    cluster.tokens.forEach((token, i) => {
      if (token === WILDCARD || token === tokens[i]) return;
      cluster.tokens[i] = WILDCARD;
      isWider = true;
    });
    if (isWider) {
      cluster.template.text = cluster.tokens.join(' ');
      this.changed.set(cluster.template.id, cluster.template);
    }
    return cluster.template;
  }
}

function tokensOf(text: string): string[] {
  const tokens = text.split(/\s+/).filter((token) => token !== '');
  return tokens.length <= MAX_TOKENS ? tokens : [...tokens.slice(0, MAX_TOKENS - 1), '…'];
}

function leafKey(serviceId: number, source: EventSource, severity: number, tokens: readonly string[]): string {
  const outcomes = tokens.join(' ').match(OUTCOMES)?.join(',').toLowerCase() ?? '';
  return `${serviceId}|${source}|${severity}|${tokens.length}|${outcomes}|${tokens[0] ?? ''}`;
}

/** Part of the fixed words that agree; the first word and all words of outcome agree already. */
function similarityOf(template: readonly string[], tokens: readonly string[]): number {
  let fixed = 0;
  let same = 0;
  for (let i = 0; i < template.length; i++) {
    if (template[i] === WILDCARD) continue;
    fixed++;
    if (template[i] === tokens[i]) same++;
  }
  return fixed === 0 ? 1 : same / fixed;
}
