import { useSignal } from '@preact/signals';
import { toRequestFailure } from '../../api/request-failure';
import { csvPath, type Selection } from '../../api/site-client';
import { useApp, useText } from '../../app/app-context';
import { failureText } from '../../ui/failure-text';
import { iso } from '../power-chart/load-chart';

/** Too low and a slow disk has an empty file; too high and the memory of the tab holds it for longer. */
const RELEASE_MS = 60_000;

/** All readings of the range and the devices that are shown, not the page alone. */
export function CsvDownload() {
  const { site, view, key } = useApp();
  const { t } = useText();
  const range = site.range.range.value;
  const { site: id, devices } = view.view.value;
  if (id === null || range === null || devices?.length === 0) return null;
  const selection = { site: id, start: iso(range.from), end: iso(range.to), devices };
  if (key.hasKey.value) return <WithKey selection={selection} />;
  // The browser writes it to the disk as it arrives, however long it is.
  return (
    <a class="button-quiet button-small button-like" href={csvPath(selection)} download>
      {t('readings.csv')}
    </a>
  );
}

/** A link cannot send the key. */
function WithKey({ selection }: { selection: Selection }) {
  const { siteClient } = useApp();
  const { t } = useText();
  const state = useSignal<'idle' | 'loading' | string>('idle');
  const download = async () => {
    state.value = 'loading';
    try {
      save(await siteClient.getCsv(selection), `${selection.site}.csv`);
      state.value = 'idle';
    } catch (error) {
      state.value = failureText(t, toRequestFailure(error));
    }
  };
  const isLoading = state.value === 'loading';
  return (
    <div class="actions">
      <button
        type="button"
        class="button-quiet button-small"
        aria-disabled={isLoading}
        onClick={() => !isLoading && void download()}
      >
        {t(isLoading ? 'site.loading' : 'readings.csv')}
      </button>
      <span role="status">{state.value !== 'idle' && !isLoading && state.value}</span>
    </div>
  );
}

function save(file: Blob, name: string): void {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(file);
  link.download = name;
  link.click();
  // Not at once: a browser may begin to read it only after the click.
  setTimeout(() => URL.revokeObjectURL(link.href), RELEASE_MS);
}
