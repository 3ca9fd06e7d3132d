import { useApp, useText } from '../../app/app-context';
import { LOCAL_ZONE } from '../../lib/local-time';
import { Id } from '../../ui/Id';
import type { Loaded } from './readings-state';

export function SiteHeader({ id }: { id: string }) {
  const { loaded, loading, reload } = useApp().readings;
  const { t } = useText();
  return (
    <header class="site-header">
      <h2>
        <Id id={id} maxChars={48} />
      </h2>
      {loaded.value !== null && <Facts {...loaded.value} />}
      <button
        type="button"
        class="button-quiet"
        aria-disabled={loading.value !== null}
        onClick={() => reload(id)}
      >
        {t('site.refresh')}
      </button>
    </header>
  );
}

/** The readings do not change by themselves: the time says how old this picture is. */
function Facts({ readings, loadedAt }: Loaded) {
  const { t, formats } = useText();
  const time = formats.time(Math.floor(loadedAt / 1000) * 1000, LOCAL_ZONE);
  return (
    <p class="facts">
      {t('site.devices', { count: readings.devices.length })}, {t('site.readings', { count: readings.count })}{' '}
      <span class="hint">{t('site.asOf', { time })}</span>
    </p>
  );
}
