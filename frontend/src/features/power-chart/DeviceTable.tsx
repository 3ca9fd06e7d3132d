import { formatCount, formatPower, plural } from '../../lib/format';
import { formatLocal } from '../../lib/local-time';
import type { DeviceSeries } from '../../lib/series';
import { Id } from '../../ui/Id';
import { ScrollBox } from '../../ui/ScrollBox';
import { navigate } from '../../view';
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
  const rest = model.devices.length - MAX_LISTED;
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
          {model.devices.slice(0, MAX_LISTED).map((device, index) => (
            <tr key={device.id}>
              <th scope="row">
                <label class="device-switch">
                  <input
                    type="checkbox"
                    checked={model.drawn.has(device.id)}
                    onChange={() => navigate({ devices: withToggled(model, device.id) }, 'replace')}
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
