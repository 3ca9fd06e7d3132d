import { useApp, useText } from '../../app/app-context';
import type { DeviceSeries } from '../../lib/series';
import { Id } from '../../ui/Id';
import { ScrollBox } from '../../ui/ScrollBox';
import { type ChartModel, latestOf, withToggled } from './chart-model';
import { swatchClass } from './colours';

interface DeviceTableProps {
  model: ChartModel;
  now: number;
  zone: string;
}

/** A site is a house or a factory; thousands of devices are an error of a sender, and must not freeze the page. */
const MAX_LISTED = 300;

/** The legend of the chart, the switches of its lines, and exact values. */
export function DeviceTable({ model, now, zone }: DeviceTableProps) {
  const { view } = useApp();
  const { t } = useText();
  const rest = model.devices.length - MAX_LISTED;
  return (
    <ScrollBox class="device-table" label={t('devices.title')}>
      <table>
        <thead>
          <tr>
            <th scope="col">{t('devices.device')}</th>
            <th scope="col" class="number">
              {t('devices.latest')}
            </th>
            <th scope="col">{t('devices.at')}</th>
            <th scope="col" class="number">
              {t('devices.lowest')}
            </th>
            <th scope="col" class="number">
              {t('devices.highest')}
            </th>
            <th scope="col" class="number">
              {t('devices.readings')}
            </th>
            <th scope="col" class="number">
              {t('devices.gaps')}
            </th>
          </tr>
        </thead>
        <tbody>
          {model.devices.slice(0, MAX_LISTED).map((device, index) => (
            <tr key={device.id}>
              <th scope="row">
                <label class="device-switch">
                  <input
                    type="checkbox"
                    checked={model.drawn.has(device.id)}
                    onChange={() => view.navigate({ devices: withToggled(model, device.id) }, 'replace')}
                  />
                  <span class={swatchClass(index)} aria-hidden="true" />
                  <Id id={device.id} maxChars={32} />
                </label>
              </th>
              <Figures device={device} now={now} zone={zone} />
            </tr>
          ))}
        </tbody>
      </table>
      {rest > 0 && <p class="hint device-rest">{t('devices.rest', { count: rest })}</p>}
    </ScrollBox>
  );
}

function Figures({ device, now, zone }: { device: DeviceSeries; now: number; zone: string }) {
  const { formats } = useText();
  const latest = latestOf(device, now);
  return (
    <>
      <td class="number">{latest === null ? '–' : formats.power(latest.power)}</td>
      <td class="time">{latest === null ? '–' : formats.time(latest.time, zone)}</td>
      <td class="number">{formats.power(device.lowest)}</td>
      <td class="number">{formats.power(device.highest)}</td>
      <td class="number">{formats.count(device.times.length)}</td>
      <td class="number">{formats.count(device.gaps)}</td>
    </>
  );
}
