/** The languages of the page, and which of them a browser gets. */

export const LANGUAGES = ['en', 'de', 'fr', 'es'] as const;
export type Language = (typeof LANGUAGES)[number];

/** Each in its own language, for those who look for it. */
export const LANGUAGE_NAMES: Record<Language, string> = {
  en: 'English',
  de: 'Deutsch',
  fr: 'Français',
  es: 'Español',
};

export function isLanguage(text: string | null): text is Language {
  return LANGUAGES.some((language) => language === text);
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
