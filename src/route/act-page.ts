/** A page on which one press of a button does something, or which says what came of it. All text is plain. */
export interface ActPage {
  title: string;
  /** What it is about, a line each. */
  about: string[];
  /** What will happen, or has. */
  text: string[];
  /** Null: there is nothing to press. */
  form: { buttons: { value: string; label: string }[] } | null;
}

/** All that the pages look like; its hash is in their policy. */
export const ACT_STYLE = `
:root { color-scheme: light dark; --ink: #1d2939; --dim: #475467; --line: #d0d5dd; --paper: #ffffff; --press: #175cd3 }
@media (prefers-color-scheme: dark) {
  :root { --ink: #f2f4f7; --dim: #a6b0c0; --line: #475467; --paper: #161b26; --press: #84adff }
}
* { box-sizing: border-box }
body { margin: 0; background: var(--paper); color: var(--ink); font: 1rem/1.5 system-ui, sans-serif; overflow-wrap: anywhere }
main { max-width: 36rem; margin: 0 auto; padding: 1.5rem 1rem 3rem }
h1 { margin: 0 0 1rem; font-size: 1.4rem; line-height: 1.25 }
ul { margin: 0 0 1rem; padding: .75rem 1rem; list-style: none; border: 1px solid var(--line); border-radius: .5rem }
li + li { margin-top: .25rem; color: var(--dim) }
label { display: block; margin: 1rem 0 .25rem; color: var(--dim) }
input, button { width: 100%; min-height: 2.75rem; padding: .5rem .75rem; font: inherit; border: 1px solid var(--line); border-radius: .5rem }
input { background: var(--paper); color: var(--ink) }
button { margin-top: .75rem; border-color: var(--press); background: var(--press); color: var(--paper); font-weight: 600; cursor: pointer }
:focus-visible { outline: 3px solid var(--press); outline-offset: 2px }
footer { margin-top: 2rem; color: var(--dim); font-size: .875rem }
`;

/** The page as HTML: no script, nothing from elsewhere, and every text escaped. The form goes to the address that it came from. */
export function actPageHtml({ title, about, text, form }: ActPage): string {
  const shown = about.map((line) => `<li>${escaped(line)}</li>`).join('');
  const said = text.map((line) => `<p>${escaped(line)}</p>`).join('');
  return [
    '<!doctype html>',
    '<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">',
    `<meta name="robots" content="noindex, nofollow"><title>${escaped(title)} · Tracehound</title>`,
    `<style>${ACT_STYLE}</style></head><body><main>`,
    `<h1>${escaped(title)}</h1>${shown === '' ? '' : `<ul>${shown}</ul>`}${said}${form === null ? '' : formHtml(form)}`,
    '<footer>Tracehound</footer></main></body></html>',
  ].join('\n');
}

function formHtml({ buttons }: NonNullable<ActPage['form']>): string {
  const all = buttons.map(
    ({ value, label }) => `<button type="submit" name="choice" value="${escaped(value)}">${escaped(label)}</button>`,
  );
  const name =
    '<label for="by">Your name, for the others (optional)</label><input id="by" name="by" maxlength="200" autocomplete="name">';
  return `<form method="post">${name}${all.join('')}</form>`;
}

function escaped(text: string): string {
  return text.replace(/[&<>"']/g, (each) => `&#${each.charCodeAt(0)};`);
}
