import { effect } from '@preact/signals';
import { render } from 'preact';
import { visibleId } from '../lib/visible-id';
import { App } from './App';
import { AppContext } from './app-context';
import { type AppState, createAppState } from './app-state';
import type { Environment, Stop } from './environment';

/** Draws a page into an element and returns what removes it. */
export async function mount(root: HTMLElement, environment: Environment): Promise<Stop> {
  const app = createAppState(environment);
  await app.text.ready;
  const stopDocument = followInDocument(app, root.ownerDocument);
  render(
    <AppContext.Provider value={app}>
      <App />
    </AppContext.Provider>,
    root,
  );
  return () => {
    render(null, root);
    stopDocument();
    app.stop();
  };
}

/** What of the state is shown outside of the page's element. */
function followInDocument({ text, view, theme }: AppState, document: Document): Stop {
  const { documentElement: html } = document;
  const stops = [
    effect(() => {
      html.lang = text.text.value.language;
      const name = text.text.value.t('app.title');
      document.title = view.site.value === null ? name : `${visibleId(view.site.value)} · ${name}`;
    }),
    effect(() => {
      if (theme.choice.value === 'system') delete html.dataset.theme;
      else html.dataset.theme = theme.choice.value;
    }),
  ];
  return () => {
    for (const stop of stops) stop();
  };
}
