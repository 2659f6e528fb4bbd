import { describe, expect, it } from '@jest/globals';
import { fillTemplate, unknownName } from './template.js';

const VALUES = new Map([
  ['labels.service', 'cart'],
  ['labels.operation', '{{ labels.service }}\u202e<b>'],
  ['value', '1.2 s'],
]);

describe('templates', () => {
  const cases: { template: string; expected: string }[] = [
    { template: 'plain', expected: 'plain' },
    { template: '{{labels.service}} is at {{ value }}', expected: 'cart is at 1.2 s' },
    {
      template: 'a value is no template: {{ labels.operation }}',
      expected: 'a value is no template: {{ labels.service }}<b>',
    },
    { template: '{{ labels.none }}', expected: '' },
    { template: '{{ {{ value }} }}', expected: '{{ 1.2 s }}' },
  ];
  it.each(cases)('$template', ({ template, expected }) => {
    expect(fillTemplate(template, VALUES)).toBe(expected);
  });

  it('names what it does not know', () => {
    expect(unknownName('{{ labels.service }} {{ value }} {{ rule.name }}')).toBeNull();
    expect(unknownName('{{ constructor }}')).toBe('constructor');
    expect(unknownName('{{ labels.a.b }}')).toBe('labels.a.b');
    expect(unknownName('{{ 1 + 1 }}')).toBe('1 + 1');
  });
});
