import { useApp, useText } from '../../app/app-context';
import type { ThemeChoice } from './theme-state';

const CHOICES: ThemeChoice[] = ['system', 'light', 'dark'];

export function ThemePicker() {
  const { theme } = useApp();
  const { t } = useText();
  return (
    <select
      class="top-select"
      aria-label={t('theme.label')}
      value={theme.choice.value}
      onChange={(event) => theme.choose(event.currentTarget.value as ThemeChoice)}
    >
      {CHOICES.map((choice) => (
        <option key={choice} value={choice}>
          {t(`theme.${choice}`)}
        </option>
      ))}
    </select>
  );
}
