/** An environment without a browser: what it has is set, and what is done to it is seen, by a test. */
import type { Environment } from '../app/environment';
import { FakeServices } from './fake-services';

type Listener = () => void;

/** Of the tests, where nothing says another time. */
export const NOW = Date.UTC(2024, 0, 15, 10, 30);

export class FakeEnvironment implements Environment {
  services = new FakeServices(() => this.time);
  fetch = this.services.fetch;
  languages: readonly string[] = ['en-GB'];
  initialTheme: string | undefined;
  time = NOW;
  now = () => this.time;
  reloads = 0;
  reload = () => {
    this.reloads++;
  };
  private readonly sessionItems = memoryStorage();
  private readonly localItems = memoryStorage();
  storages = { session: () => this.sessionItems, local: () => this.localItems };

  isVisible = true;
  private readonly visibilityListeners = new Set<Listener>();
  visibility = {
    isVisible: () => this.isVisible,
    onChange: (listener: Listener) => on(this.visibilityListeners, listener),
  };

  isDark = false;
  private readonly themeListeners = new Set<Listener>();
  systemTheme = {
    isDark: () => this.isDark,
    onChange: (listener: Listener) => on(this.themeListeners, listener),
  };

  private readonly storedListeners = new Set<(name: string | null) => void>();
  onStored = (listener: (name: string | null) => void) => on(this.storedListeners, listener);

  /** The addresses that were gone to; the last one is the present one. */
  visited: string[] = ['/'];
  private readonly addressListeners = new Set<Listener>();
  address = {
    origin: 'http://page.test',
    path: () => '/',
    search: () => new URL(this.visited.at(-1) ?? '/', 'http://page.test').search,
    push: (url: string) => void this.visited.push(url),
    replace: (url: string) => void this.visited.splice(-1, 1, url),
    onChange: (listener: Listener) => on(this.addressListeners, listener),
  };

  goBack(): void {
    this.visited.pop();
    for (const listener of this.addressListeners) listener();
  }

  setVisible(isVisible: boolean): void {
    this.isVisible = isVisible;
    for (const listener of this.visibilityListeners) listener();
  }

  setDark(isDark: boolean): void {
    this.isDark = isDark;
    for (const listener of this.themeListeners) listener();
  }

  /** As when another tab has changed an item. */
  changeStored(name: string | null): void {
    for (const listener of this.storedListeners) listener(name);
  }
}

function on<T>(listeners: Set<T>, listener: T): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

export function memoryStorage(): Storage {
  const items = new Map<string, string>();
  return {
    get length() {
      return items.size;
    },
    clear: () => items.clear(),
    getItem: (name) => items.get(name) ?? null,
    key: () => null,
    removeItem: (name) => void items.delete(name),
    setItem: (name, value) => void items.set(name, value),
  };
}
