import { chooseTheme, type ThemeChoice, themeChoice } from './theme';

const CHOICES: [ThemeChoice, string][] = [
  ['system', 'System'],
  ['light', 'Light'],
  ['dark', 'Dark'],
];

export function ThemePicker() {
  return (
    <label class="theme-picker">
      <span>Theme</span>
      <select
        aria-label="Theme"
        value={themeChoice.value}
        onChange={(event) => chooseTheme(event.currentTarget.value as ThemeChoice)}
      >
        {CHOICES.map(([choice, name]) => (
          <option key={choice} value={choice}>
            {name}
          </option>
        ))}
      </select>
    </label>
  );
}
