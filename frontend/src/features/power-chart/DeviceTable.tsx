import { formatCount, formatPower, plural } from '../../lib/format';
import { formatLocal } from '../../lib/local-time';
import type { DeviceSeries } from '../../lib/series';
import { Id } from '../../ui/Id';
import { ScrollBox } from '../../ui/ScrollBox';
import { show } from '../../view';
import { type ChartModel, latestOf, withToggled } from './chart-model';
import { swatchClass } from './colours';

interface DeviceTableProps {
  model: ChartModel;
  now: number;
  zone: string;
}

/** A site is a house or a factory; thousands of devices are a sender's mistake, and must not freeze the page. */
const MOST_LISTED = 300;

/** The legend of the chart, the switches of its lines, and the figures that the lines cannot be read for. */
export function DeviceTable({ model, now, zone }: DeviceTableProps) {
  const rest = model.devices.length - MOST_LISTED;
  return (
    <ScrollBox class="device-table" label="Devices">
      <table>
        <thead>
          <tr>
            <th scope="col">Device</th>
            <th scope="col" class="number">
              Latest, W
            </th>
            <th scope="col">At</th>
            <th scope="col" class="number">
              Lowest, W
            </th>
            <th scope="col" class="number">
              Highest, W
            </th>
            <th scope="col" class="number">
              Readings
            </th>
            <th scope="col" class="number">
              Gaps
            </th>
          </tr>
        </thead>
        <tbody>
          {model.devices.slice(0, MOST_LISTED).map((device, index) => (
            <tr key={device.id}>
              <th scope="row">
                <label class="device-switch">
                  <input
                    type="checkbox"
                    checked={model.drawn.has(device.id)}
                    onChange={() => show({ devices: withToggled(model, device.id) }, 'detail')}
                  />
                  <span class={swatchClass(index)} aria-hidden="true" />
                  <Id id={device.id} most={32} />
                </label>
              </th>
              <Figures device={device} now={now} zone={zone} />
            </tr>
          ))}
        </tbody>
      </table>
      {rest > 0 && (
        <p class="hint device-rest">… and {plural(rest, 'more device')}, in the readings below.</p>
      )}
    </ScrollBox>
  );
}

function Figures({ device, now, zone }: { device: DeviceSeries; now: number; zone: string }) {
  const latest = latestOf(device, now);
  return (
    <>
      <td class="number">{latest === null ? '–' : formatPower(latest.power)}</td>
      <td class="time">{latest === null ? '–' : formatLocal(latest.time, zone)}</td>
      <td class="number">{formatPower(device.lowest)}</td>
      <td class="number">{formatPower(device.highest)}</td>
      <td class="number">{formatCount(device.times.length)}</td>
      <td class="number">{formatCount(device.gaps)}</td>
    </>
  );
}
