/** Has the browser load the page itself at once, beside the small script that would ask for it. */
import type { Plugin } from 'vite';

const PAGE = '/src/app/start.ts';

export function preloadedPage(): Plugin {
  return {
    name: 'preloaded-page',
    apply: 'build',
    transformIndexHtml: {
      order: 'post',
      handler(_html, { bundle = {} }) {
        const chunks = Object.values(bundle).filter((file) => file.type === 'chunk');
        const page = chunks.find(({ moduleIds }) => moduleIds.some((id) => id.endsWith(PAGE)));
        if (page === undefined) throw new Error(`${PAGE} is in no chunk`);
        const attrs = { rel: 'modulepreload', href: `/${page.fileName}`, crossorigin: true };
        return [{ tag: 'link', attrs, injectTo: 'head' }];
      },
    },
  };
}
