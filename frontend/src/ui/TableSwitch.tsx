import type { Signal } from '@preact/signals';
import { useText } from '../app/app-context';

/** Shows the numbers of a chart as a table, for those who cannot see the chart, and for exact values. */
export function TableSwitch({ isTable }: { isTable: Signal<boolean> }) {
  const { t } = useText();
  return (
    <button
      type="button"
      class="button-quiet button-small"
      aria-pressed={isTable.value}
      onClick={() => {
        isTable.value = !isTable.value;
      }}
    >
      {t('chart.table')}
    </button>
  );
}
