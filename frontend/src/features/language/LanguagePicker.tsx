import { useApp, useText } from '../../app/app-context';
import { LANGUAGE_NAMES, LANGUAGES, type Language } from '../../i18n/languages';

export function LanguagePicker() {
  const { text } = useApp();
  const { t, language } = useText();
  return (
    <select
      class="top-select"
      aria-label={t('language.label')}
      value={language}
      onChange={(event) => void text.choose(event.currentTarget.value as Language)}
    >
      {LANGUAGES.map((each) => (
        <option key={each} value={each} lang={each}>
          {LANGUAGE_NAMES[each]}
        </option>
      ))}
    </select>
  );
}
