import { describe, expect, it } from '@jest/globals';
import { plotSvg } from './plot.js';

describe('plotSvg', () => {
  const svg = plotSvg([
    {
      title: 'a & b',
      rows: [
        { name: 'x<y', first: 50, firstThree: 100, interval: [25, 75], kind: 'ours' },
        { name: 'paper', first: 0, firstThree: 10, interval: null, kind: 'published' },
      ],
    },
  ]);

  it('puts shares where the scale says', () => {
    // The scale begins at 250 and is 420 wide.
    expect(svg).toMatch(/<circle cx="460" [^>]*r="4.5" fill="#0b6e4f"/);
    expect(svg).toMatch(/<circle cx="670" [^>]*r="6.5" fill="none" stroke="#0b6e4f"/);
    expect(svg).toMatch(/<line x1="355" [^>]*x2="565" [^>]*stroke="#0b6e4f"/);
    expect(svg).toMatch(/<circle cx="250" [^>]*fill="#9a6700"/);
  });

  it('has an interval only where there is one', () => {
    expect(svg.match(/stroke-opacity/g)).toHaveLength(1);
  });

  it('escapes names', () => {
    expect(svg).toContain('a &amp; b');
    expect(svg).toContain('x&lt;y');
  });
});
