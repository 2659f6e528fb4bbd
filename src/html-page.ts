/** All that the pages look like which links in messages open; its hash is in their policy. */
export const PAGE_STYLE = `
:root { color-scheme: light dark; --ink: #1d2939; --dim: #475467; --line: #d0d5dd; --paper: #ffffff; --press: #175cd3; --bad: #b42318; --bar: #528bff }
@media (prefers-color-scheme: dark) {
  :root { --ink: #f2f4f7; --dim: #a6b0c0; --line: #475467; --paper: #161b26; --press: #84adff; --bad: #fda29b; --bar: #528bff }
}
* { box-sizing: border-box }
body { margin: 0; background: var(--paper); color: var(--ink); font: 1rem/1.5 system-ui, sans-serif; overflow-wrap: anywhere }
main { max-width: 36rem; margin: 0 auto; padding: 1.5rem 1rem 3rem }
main.wide { max-width: 60rem }
h1 { margin: 0 0 1rem; font-size: 1.4rem; line-height: 1.25 }
h2 { margin: 1.5rem 0 .5rem; font-size: 1.05rem }
a { color: var(--press) }
ul, ol { margin: 0 0 1rem; padding: .75rem 1rem; list-style: none; border: 1px solid var(--line); border-radius: .5rem }
li + li { margin-top: .25rem }
main:not(.wide) li + li, .dim { color: var(--dim) }
label { display: block; margin: 1rem 0 .25rem; color: var(--dim) }
input, button { width: 100%; min-height: 2.75rem; padding: .5rem .75rem; font: inherit; border: 1px solid var(--line); border-radius: .5rem }
input { background: var(--paper); color: var(--ink) }
button { margin-top: .75rem; border-color: var(--press); background: var(--press); color: var(--paper); font-weight: 600; cursor: pointer }
:focus-visible { outline: 3px solid var(--press); outline-offset: 2px }
.span { display: flex; justify-content: space-between; gap: 1rem; font-size: .9rem }
.span span + span { white-space: nowrap; font-variant-numeric: tabular-nums }
.bad { color: var(--bad) }
svg { display: block; width: 100%; height: .35rem; background: color-mix(in srgb, var(--line) 40%, transparent) }
rect { fill: var(--bar) }
.bad rect { fill: var(--bad) }
footer { margin-top: 2rem; color: var(--dim); font-size: .875rem }
${Array.from({ length: 13 }, (_, depth) => `.d${depth} { padding-left: ${(depth * 0.75).toFixed(2)}rem }`).join('\n')}
`;

/** A whole page: no script, nothing from elsewhere. `body` is HTML, `title` text. */
export function htmlPage(title: string, body: string, width: 'narrow' | 'wide' = 'narrow'): string {
  return [
    '<!doctype html>',
    '<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">',
    `<meta name="robots" content="noindex, nofollow"><title>${escapedHtml(title)} · Tracehound</title>`,
    `<style>${PAGE_STYLE}</style></head><body><main${width === 'wide' ? ' class="wide"' : ''}>`,
    `<h1>${escapedHtml(title)}</h1>${body}`,
    '<footer>Tracehound</footer></main></body></html>',
  ].join('\n');
}

/** Text as HTML, in content and in quoted attributes. */
export function escapedHtml(text: string): string {
  return text.replace(/[&<>"']/g, (each) => `&#${each.charCodeAt(0)};`);
}
