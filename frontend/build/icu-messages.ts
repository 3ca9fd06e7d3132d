/** Compiles the messages of a language, so that the page carries no parser of ICU MessageFormat. */
import { readFile } from 'node:fs/promises';
import { compileMessage } from '@lingui/message-utils/compileMessage';
import type { Plugin } from 'vite';

const PREFIX = 'virtual:messages/';
/** Marks a module as one of this plugin, see Rollup's conventions. */
const RESOLVED = `\0${PREFIX}`;

export function icuMessages(): Plugin {
  return {
    name: 'icu-messages',
    resolveId: (id) => (id.startsWith(PREFIX) ? `\0${id}` : undefined),
    async load(id) {
      if (!id.startsWith(RESOLVED)) return undefined;
      const file = new URL(`../src/i18n/messages/${id.slice(RESOLVED.length)}.json`, import.meta.url);
      this.addWatchFile(file.pathname);
      const messages = JSON.parse(await readFile(file, 'utf8')) as Record<string, string>;
      const compiled = Object.entries(messages).map(([key, text]) => [key, compileMessage(text)]);
      return `export default ${JSON.stringify(Object.fromEntries(compiled))}`;
    },
  };
}
