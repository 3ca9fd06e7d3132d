/** The languages of the page, and which of them a browser gets. */
import { attempt, type Storages } from '../app/storages';

export const LANGUAGES = ['en', 'de', 'fr', 'es'] as const;
export type Language = (typeof LANGUAGES)[number];

/** Each in its own language, for those who look for it. */
export const LANGUAGE_NAMES: Record<Language, string> = {
  en: 'English',
  de: 'Deutsch',
  fr: 'Français',
  es: 'Español',
};

/** The name under which a browser keeps the chosen one. */
export const LANGUAGE_ITEM = 'language';

export function isLanguage(text: string | null): text is Language {
  return LANGUAGES.some((language) => language === text);
}

/** The language that was chosen before, or else suits the browser. */
export function firstLanguage(preferences: readonly string[], storages: Storages): Language {
  const stored = attempt(() => storages.local().getItem(LANGUAGE_ITEM));
  return isLanguage(stored) ? stored : preferredLanguage(preferences);
}

/** The first language that the browser prefers and the page has; English without any. */
export function preferredLanguage(preferences: readonly string[]): Language {
  return preferences.map(baseOf).find(isLanguage) ?? 'en';
}

/** The region decides how numbers are written: a reader of German in Zurich writes 1’500.5. */
export function formatLocale(language: Language, preferences: readonly string[]): string {
  return preferences.find((locale) => baseOf(locale) === language) ?? language;
}

function baseOf(locale: string): string {
  return locale.split('-', 1)[0]?.toLowerCase() ?? '';
}
