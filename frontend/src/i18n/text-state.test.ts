import { describe, expect, it } from 'vitest';
import { FakeEnvironment } from '../testing/fake-environment';
import { LANGUAGE_ITEM, type Language } from './languages';
import { createTextState } from './text-state';

const { storages } = new FakeEnvironment();

/** Messages that are loaded, but not those of `missing`; and which languages were asked for. */
function loading(...missing: Language[]) {
  const asked: Language[] = [];
  const load = async (language: Language) => {
    asked.push(language);
    if (missing.includes(language)) throw new TypeError('Failed to fetch');
    return { 'app.title': language };
  };
  return { asked, load };
}

describe('the language of the page', () => {
  it('is the only one that is loaded', async () => {
    const { asked, load } = loading();
    const state = createTextState(['pt-BR', 'de-CH', 'en'], storages, load);
    await state.ready;
    expect(asked).toEqual(['de']);
    expect(state.text.value.t('app.title')).toBe('de');
    expect(state.text.value.locale).toBe('de-CH');
  });

  it('is English where its own cannot be loaded', async () => {
    const { asked, load } = loading('fr');
    const state = createTextState(['fr'], storages, load);
    await state.ready;
    expect(asked).toEqual(['fr', 'en']);
    expect(state.text.value.language).toBe('en');
  });

  it('is missed when no texts can be loaded', async () => {
    const { load } = loading('fr', 'en');
    await expect(createTextState(['fr'], storages, load).ready).rejects.toThrow('Failed to fetch');
  });

  it('stays as it is when the chosen one cannot be loaded, and is asked for at the next visit', async () => {
    const environment = new FakeEnvironment();
    const { load } = loading('es');
    const state = createTextState(['de'], environment.storages, load);
    await state.ready;
    await state.choose('es');
    expect(state.text.value.language).toBe('de');
    expect(environment.storages.local().getItem(LANGUAGE_ITEM)).toBe('es');
  });
});
