import { useApp, useText } from '../../app/app-context';
import { DeviceId } from '../devices/DeviceId';
import { withToggled } from './chart-model';
import { swatchClass, TOTAL } from './colours';

interface DeviceLegendProps {
  known: readonly string[];
  drawn: ReadonlySet<string>;
}

/** A site is a house or a factory; thousands of devices are an error of a sender, and must not freeze the page. */
const MAX_LISTED = 300;

/** The legend of the chart, and the switches of its lines. */
export function DeviceLegend({ known, drawn }: DeviceLegendProps) {
  const { view } = useApp();
  const { t } = useText();
  const rest = known.length - MAX_LISTED;
  if (known.length === 0) return null;
  const toggle = (id: string) => {
    // A step back shows the usual devices again, however many were switched.
    const how = view.view.peek().devices === null ? 'push' : 'replace';
    view.navigate({ devices: withToggled(known, drawn, id) }, how);
  };
  return (
    <fieldset class="legend">
      <legend class="visually-hidden">{t('devices.title')}</legend>
      {known.slice(0, MAX_LISTED).map((id, index) => (
        <label key={id} class="device-switch">
          <input type="checkbox" checked={drawn.has(id)} onChange={() => toggle(id)} />
          <span class={swatchClass(index)} aria-hidden="true" />
          <DeviceId id={id} maxChars={28} />
        </label>
      ))}
      {rest > 0 && <p class="hint">{t('devices.rest', { count: rest })}</p>}
      {known.length > 1 && <Total />}
    </fieldset>
  );
}

/** Only when it is asked for: a meter of the whole and one of its parts are no sum. */
function Total() {
  const { view } = useApp();
  const { t } = useText();
  const isTotal = view.view.value.total;
  return (
    <label class="device-switch">
      <input
        type="checkbox"
        checked={isTotal}
        onChange={() => view.navigate({ total: !isTotal }, 'replace')}
      />
      <span class={swatchClass(TOTAL)} aria-hidden="true" />
      {t('chart.total')}
    </label>
  );
}
