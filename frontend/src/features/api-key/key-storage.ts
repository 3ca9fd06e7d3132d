/** Where the browser keeps the API key: with the tab, or on this device. */

const NAME = 'api-key';

/** Both storages of the browser; either throws where it is blocked. */
export interface Storages {
  session(): Storage;
  local(): Storage;
}

const BROWSER: Storages = { session: () => sessionStorage, local: () => localStorage };

export interface StoredKey {
  key: string;
  isRemembered: boolean;
}

export function readKey({ session, local }: Storages = BROWSER): StoredKey | null {
  const ofTab = attempt(() => session().getItem(NAME));
  if (ofTab) return { key: ofTab, isRemembered: false };
  const ofDevice = attempt(() => local().getItem(NAME));
  return ofDevice ? { key: ofDevice, isRemembered: true } : null;
}

/** Keeps one key in one place; null removes it from both. Without storage it is kept until the page is left. */
export function writeKey(next: StoredKey | null, { session, local }: Storages = BROWSER): void {
  attempt(() => session().removeItem(NAME));
  attempt(() => local().removeItem(NAME));
  if (next === null) return;
  const storage = next.isRemembered ? local : session;
  attempt(() => storage().setItem(NAME, next.key));
}

/** Calls back when another tab has changed the key of this device. */
export function onRememberedKeyChange(changed: () => void): void {
  addEventListener('storage', ({ key, storageArea }) => {
    if (storageArea === attempt(() => localStorage) && (key === NAME || key === null)) changed();
  });
}

function attempt<T>(access: () => T): T | null {
  try {
    return access();
  } catch {
    return null;
  }
}
