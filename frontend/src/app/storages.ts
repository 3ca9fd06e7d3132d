/** What the browser keeps: for the tab, and for all tabs of this page. */
export interface Storages {
  session(): Storage;
  local(): Storage;
}

export const browserStorages: Storages = { session: () => sessionStorage, local: () => localStorage };

/** Either storage throws where it is blocked: the page then works without it. */
export function attempt<T>(access: () => T): T | null {
  try {
    return access();
  } catch {
    return null;
  }
}
