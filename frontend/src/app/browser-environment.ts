import type { Environment, Stop } from './environment';
import { attempt, browserStorages } from './storages';

export function browserEnvironment(): Environment {
  const dark = matchMedia('(prefers-color-scheme: dark)');
  return {
    fetch: (...request) => fetch(...request),
    address: {
      search: () => location.search,
      path: () => location.pathname,
      origin: location.origin,
      push: (url) => history.pushState(null, '', url),
      replace: (url) => history.replaceState(null, '', url),
      onChange: (listener) => listen(window, 'popstate', listener),
    },
    storages: browserStorages,
    onStored: (listener) =>
      listen(window, 'storage', (event) => {
        const { key, storageArea } = event as StorageEvent;
        if (storageArea === attempt(() => localStorage)) listener(key);
      }),
    visibility: {
      isVisible: () => !document.hidden,
      onChange: (listener) => listen(document, 'visibilitychange', listener),
    },
    systemTheme: { isDark: () => dark.matches, onChange: (listener) => listen(dark, 'change', listener) },
    languages: navigator.languages,
    initialTheme: document.documentElement.dataset.theme,
    now: () => Date.now(),
    reload: () => location.reload(),
  };
}

function listen(target: EventTarget, type: string, listener: (event: Event) => void): Stop {
  target.addEventListener(type, listener);
  return () => target.removeEventListener(type, listener);
}
