import { escapedHtml, htmlPage } from '../html-page.js';

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

/** The page as HTML: every text is escaped, and the form goes to the address that it came from. */
export function actPageHtml({ title, about, text, form }: ActPage): string {
  const shown = about.map((line) => `<li>${escapedHtml(line)}</li>`).join('');
  const said = text.map((line) => `<p>${escapedHtml(line)}</p>`).join('');
  return htmlPage(title, `${shown === '' ? '' : `<ul>${shown}</ul>`}${said}${form === null ? '' : formHtml(form)}`);
}

function formHtml({ buttons }: NonNullable<ActPage['form']>): string {
  const all = buttons.map(
    ({ value, label }) =>
      `<button type="submit" name="choice" value="${escapedHtml(value)}">${escapedHtml(label)}</button>`,
  );
  const name =
    '<label for="by">Your name, for the others (optional)</label><input id="by" name="by" maxlength="200" autocomplete="name">';
  return `<form method="post">${name}${all.join('')}</form>`;
}
