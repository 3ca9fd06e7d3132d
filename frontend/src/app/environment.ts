/** Everything of the browser that the state of the page depends on, so that a test can take its place. */
import type { Storages } from './storages';

export type Stop = () => void;

export interface Address {
  /** The query string, with its question mark. */
  search(): string;
  path(): string;
  origin: string;
  push(url: string): void;
  replace(url: string): void;
  /** Calls back after a step back or forward in the history. */
  onChange(listener: () => void): Stop;
}

export interface Visibility {
  isVisible(): boolean;
  onChange(listener: () => void): Stop;
}

export interface SystemTheme {
  isDark(): boolean;
  onChange(listener: () => void): Stop;
}

export interface Environment {
  fetch: typeof fetch;
  address: Address;
  storages: Storages;
  /** Calls back when another tab has changed what is stored on this device, with the name of the item or null for all. */
  onStored(listener: (name: string | null) => void): Stop;
  visibility: Visibility;
  systemTheme: SystemTheme;
  /** Languages in the order of the user's preference (BCP 47). */
  languages: readonly string[];
  /** The theme that `public/theme.js` has set before the first paint. */
  initialTheme: string | undefined;
  now(): number;
  reload(): void;
}
