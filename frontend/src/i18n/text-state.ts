/** The language of the page: its messages and its formats, as one signal, so that they change together. */

import english from 'virtual:messages/en';
import type { Messages } from '@lingui/core';
import { computed, type ReadonlySignal, signal } from '@preact/signals';
import { attempt, type Storages } from '../app/storages';
import { createFormats, type Formats } from './formats';
import { formatLocale, isLanguage, type Language, preferredLanguage } from './languages';
import { createTranslate, type Translate } from './translation';

/** English is a part of the page, since it is shown when another language cannot be loaded. */
const LOADERS: Record<Language, () => Promise<Messages>> = {
  en: async () => english,
  de: async () => (await import('virtual:messages/de')).default,
  fr: async () => (await import('virtual:messages/fr')).default,
  es: async () => (await import('virtual:messages/es')).default,
};
const KEY = 'language';

export interface Text {
  language: Language;
  locale: string;
  t: Translate;
  formats: Formats;
}

export interface TextState {
  text: ReadonlySignal<Text>;
  /** Resolves when the language of this browser is loaded, or cannot be. */
  ready: Promise<void>;
  /** Loads a language, shows it and keeps the choice. */
  choose(language: Language): Promise<void>;
}

export function createTextState(preferences: readonly string[], storages: Storages): TextState {
  const shown = signal<{ language: Language; messages: Messages }>({ language: 'en', messages: english });
  const text = computed<Text>(() => {
    const { language, messages } = shown.value;
    const locale = formatLocale(language, preferences);
    const t = createTranslate(locale, messages);
    return { language, locale, t, formats: createFormats(locale, t) };
  });
  let wanted: Language = 'en';
  const show = async (language: Language) => {
    wanted = language;
    const messages = await LOADERS[language]();
    // The last choice holds, not the last that arrives.
    if (wanted === language) shown.value = { language, messages };
  };
  const stored = attempt(() => storages.local().getItem(KEY));
  const first = isLanguage(stored) ? stored : preferredLanguage(preferences);
  return {
    text,
    ready: show(first).catch(() => undefined),
    async choose(language) {
      attempt(() => storages.local().setItem(KEY, language));
      await show(language).catch(() => undefined);
    },
  };
}
