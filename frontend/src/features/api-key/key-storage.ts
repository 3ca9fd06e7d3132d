/** Where the browser keeps the API key: with the tab, or on this device. */
import { attempt, type Storages } from '../../app/storages';

export const NAME = 'api-key';

export interface StoredKey {
  key: string;
  isRemembered: boolean;
}

export function readKey({ session, local }: Storages): StoredKey | null {
  const ofTab = attempt(() => session().getItem(NAME));
  if (ofTab) return { key: ofTab, isRemembered: false };
  const ofDevice = attempt(() => local().getItem(NAME));
  return ofDevice ? { key: ofDevice, isRemembered: true } : null;
}

/** Keeps one key in one place; null removes it from both. Without storage it is kept until the page is left. */
export function writeKey(next: StoredKey | null, { session, local }: Storages): void {
  attempt(() => session().removeItem(NAME));
  attempt(() => local().removeItem(NAME));
  if (next === null) return;
  const storage = next.isRemembered ? local : session;
  attempt(() => storage().setItem(NAME, next.key));
}
