/** Small, so that it runs while the page itself is still being loaded. */
import { browserStorages } from './app/storages';
import { firstLanguage } from './i18n/languages';
import { loadMessages } from './i18n/load-messages';
import 'uplot/dist/uPlot.min.css';
import './styles/index.css';

// The page waits for them: they are loaded beside it, and not after it. What fails here is tried again there.
loadMessages(firstLanguage(navigator.languages, browserStorages)).catch(() => undefined);
startPage().catch(() => document.getElementById('not-loaded')?.removeAttribute('hidden'));

async function startPage(): Promise<void> {
  const { start } = await import('./app/start');
  const root = document.getElementById('app');
  if (root !== null) await start(root);
}
