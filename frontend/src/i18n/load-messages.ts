/** The messages of each language, a part of the page of their own that is loaded when it is shown. */
import type { Messages } from '@lingui/core';
import type { Language } from './languages';

export type LoadMessages = (language: Language) => Promise<Messages>;

const LOADERS: Record<Language, () => Promise<{ default: Messages }>> = {
  en: () => import('virtual:messages/en'),
  de: () => import('virtual:messages/de'),
  fr: () => import('virtual:messages/fr'),
  es: () => import('virtual:messages/es'),
};

export const loadMessages: LoadMessages = async (language) => (await LOADERS[language]()).default;
