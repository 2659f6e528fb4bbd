const LOOK_ALIKES: Readonly<Record<string, string>> = {
  '<': '‹',
  '>': '›',
  '@': '＠',
  '`': 'ˋ',
  '*': '∗',
  '~': '∼',
  '|': '￨',
  '[': '［',
  ']': '］',
  '\\': '＼',
};

/**
 * Text for a place that reads markup, mentions or links and knows no way to quote them: what would begin one is replaced by a character
 * that looks like it. Underscores stay, since names are full of them; no receiver that this is for reads one inside a word.
 */
export function lookAlikes(text: string): string {
  return unlinked(text.replace(/[<>@`*~|[\]\\]/g, (each) => LOOK_ALIKES[each] ?? each));
}

/** Text in which no program finds an address to make a link of. */
export function unlinked(text: string): string {
  return text.replaceAll('://', '꞉//').replace(/\bwww\./gi, 'www․');
}

/** Text as HTML, in content and in quoted attributes. */
export function escapeHtml(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
    .replaceAll("'", '&#39;');
}

/** Text as a code span of Markdown, where nothing inside has a meaning. */
export function codeSpan(text: string): string {
  return `\`${text.replaceAll('`', 'ˋ')}\``;
}
