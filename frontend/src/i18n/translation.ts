import { type Messages, setupI18n } from '@lingui/core';
import type en from './messages/en.json';

export type MessageKey = keyof typeof en;
export type MessageValues = Record<string, string | number>;
/** The message of a key in the language of the page; its placeholders and plurals follow ICU MessageFormat. */
export type Translate = (key: MessageKey, values?: MessageValues) => string;

/** `locale` is that of numbers and plurals. */
export function createTranslate(locale: string, messages: Messages): Translate {
  const i18n = setupI18n({ locale, messages: { [locale]: messages } });
  return (key, values) => i18n._(key, values);
}
