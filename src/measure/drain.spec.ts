import { describe, expect, it } from '@jest/globals';
import { OVERFLOW_TEMPLATE } from '../model/event.js';
import { TemplateTree } from './drain.js';

const textsOf = (lines: readonly string[]) => {
  const tree = new TemplateTree([]);
  return lines.map((line) => tree.learn(1, 'log', 9, line)).map(({ text }) => text);
};

describe('TemplateTree', () => {
  it.each([
    { name: 'the same line is one template', lines: ['a b c', 'a b c'], texts: ['a b c', 'a b c'] },
    {
      name: 'what varies in one place becomes a wildcard',
      lines: ['user alice logged in now', 'user bob logged in now'],
      texts: ['user <*> logged in now', 'user <*> logged in now'],
    },
    { name: 'another number of words is another template', lines: ['a b', 'a b c'], texts: ['a b', 'a b c'] },
    {
      name: 'words of outcome are never merged',
      lines: ['payment of order <num> completed fine', 'payment of order <num> failed fine'],
      texts: ['payment of order <num> completed fine', 'payment of order <num> failed fine'],
    },
    {
      name: 'too little in common is another template',
      lines: ['cache miss for key', 'cache warmed by timer'],
      texts: ['cache miss for key', 'cache warmed by timer'],
    },
  ])('$name', ({ lines, texts }) => {
    expect(textsOf(lines)).toEqual(texts);
  });

  it('keeps services, sources and severities apart', () => {
    const tree = new TemplateTree([]);
    const ids = [
      tree.learn(1, 'log', 9, 'hello there').id,
      tree.learn(2, 'log', 9, 'hello there').id,
      tree.learn(1, 'span_event', 9, 'hello there').id,
      tree.learn(1, 'log', 17, 'hello there').id,
    ];
    expect(new Set(ids).size).toBe(4);
  });

  it('gives the same ids after it was stored and read back', () => {
    const first = new TemplateTree([]);
    const ids = ['user alice is in', 'user bob is in', 'stock low'].map((line) => first.learn(7, 'log', 9, line).id);
    const stored = first.takeChanged();
    expect(first.takeChanged()).toEqual([]);
    const second = new TemplateTree(stored);
    expect(['stock low', 'user carol is in'].map((line) => second.learn(7, 'log', 9, line).id)).toEqual([
      ids[2],
      ids[0],
    ]);
    expect(second.takeChanged()).toEqual([]);
  });

  it('has a bound a service, beyond which all share one template', () => {
    const tree = new TemplateTree([]);
    const letters = 'abcdefghijklmnopqrstuvwxyz';
    for (let i = 0; i < 1_000; i++) {
      const word = letters[i % 26]! + letters[Math.floor(i / 26) % 26]! + letters[Math.floor(i / 676)]!;
      tree.learn(1, 'log', 9, `${word} ${word}`);
    }
    expect(tree.templates.size).toBe(301);
    expect(tree.learn(1, 'log', 9, 'one more line').text).toBe(OVERFLOW_TEMPLATE);
    expect(tree.learn(2, 'log', 9, 'one more line').text).toBe('one more line');
  });
});
