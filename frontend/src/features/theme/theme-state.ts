import { computed, type ReadonlySignal, signal } from '@preact/signals';
import type { Environment, Stop } from '../../app/environment';
import { attempt } from '../../app/storages';

export type ThemeChoice = 'system' | 'light' | 'dark';

export interface ThemeState {
  choice: ReadonlySignal<ThemeChoice>;
  /** What is on the screen: the canvas of the chart is drawn again when it changes. */
  theme: ReadonlySignal<'light' | 'dark'>;
  choose(choice: ThemeChoice): void;
  stop: Stop;
}

const KEY = 'theme';

export function createThemeState({ systemTheme, initialTheme, storages }: Environment): ThemeState {
  const isSystemDark = signal(systemTheme.isDark());
  const isChosen = initialTheme === 'light' || initialTheme === 'dark';
  const choice = signal<ThemeChoice>(isChosen ? initialTheme : 'system');
  return {
    choice,
    theme: computed(() => {
      if (choice.value !== 'system') return choice.value;
      return isSystemDark.value ? 'dark' : 'light';
    }),
    choose(next) {
      choice.value = next;
      attempt(() => storages.local().setItem(KEY, next));
    },
    stop: systemTheme.onChange(() => {
      isSystemDark.value = systemTheme.isDark();
    }),
  };
}
