/** What a browser has and jsdom lacks, as far as the page needs it to start. */
import { cleanup, configure } from '@testing-library/preact';
import { afterEach, vi } from 'vitest';

afterEach(cleanup);

// A wait ends with its condition: this is for machines that do other things, too.
configure({ asyncUtilTimeout: 10_000 });

class NoResizes {
  observe() {}
  disconnect() {}
}

vi.stubGlobal('ResizeObserver', NoResizes);
Element.prototype.scrollTo = () => {};
Element.prototype.scrollIntoView = () => {};
vi.stubGlobal('matchMedia', () => ({ matches: false, addEventListener() {}, removeEventListener() {} }));
// A canvas is not drawn here: what it draws is tested as data, and its pixels in a browser.
vi.mock('../features/power-chart/Plot', () => ({ Plot: () => null }));
