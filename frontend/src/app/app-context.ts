import { createContext } from 'preact';
import { useContext } from 'preact/hooks';
import type { Text } from '../i18n/text-state';
import type { AppState } from './app-state';

export const AppContext = createContext<AppState | null>(null);

export function useApp(): AppState {
  const app = useContext(AppContext);
  if (app === null) throw new Error('a component outside of AppContext');
  return app;
}

/** The texts and formats of the language; what uses them is drawn again when that changes. */
export function useText(): Text {
  return useApp().text.text.value;
}
