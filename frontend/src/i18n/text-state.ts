/** The language of the page: its messages and its formats, as one signal, so that they change together. */

import type { Messages } from '@lingui/core';
import { computed, type ReadonlySignal, signal } from '@preact/signals';
import { attempt, type Storages } from '../app/storages';
import { createFormats, type Formats } from './formats';
import { firstLanguage, formatLocale, LANGUAGE_ITEM, type Language } from './languages';
import { type LoadMessages, loadMessages } from './load-messages';
import { createTranslate, type Translate } from './translation';

export interface Text {
  language: Language;
  locale: string;
  t: Translate;
  formats: Formats;
}

export interface TextState {
  text: ReadonlySignal<Text>;
  /** Resolves when there are texts: of this browser's language, or English if that cannot be loaded; rejects without either. */
  ready: Promise<void>;
  /** Loads a language, shows it and keeps the choice. */
  choose(language: Language): Promise<void>;
}

export function createTextState(
  preferences: readonly string[],
  storages: Storages,
  load: LoadMessages = loadMessages,
): TextState {
  const shown = signal<{ language: Language; messages: Messages }>({ language: 'en', messages: {} });
  const text = computed<Text>(() => {
    const { language, messages } = shown.value;
    const locale = formatLocale(language, preferences);
    const t = createTranslate(locale, messages);
    return { language, locale, t, formats: createFormats(locale, t) };
  });
  let wanted: Language = 'en';
  const show = async (language: Language) => {
    wanted = language;
    const messages = await load(language);
    // The last choice holds, not the last that arrives.
    if (wanted === language) shown.value = { language, messages };
  };
  return {
    text,
    ready: show(firstLanguage(preferences, storages)).catch(() => show('en')),
    async choose(language) {
      attempt(() => storages.local().setItem(LANGUAGE_ITEM, language));
      await show(language).catch(() => undefined);
    },
  };
}
