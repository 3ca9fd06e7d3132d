import type { Signal } from '@preact/signals';
import { formatPower } from '../../lib/format';
import { formatLocal } from '../../lib/local-time';
import { powerAt } from '../../lib/series';
import { Id } from '../../ui/Id';
import type { ChartModel } from './chart-model';
import { swatchClass } from './colours';

export interface Point {
  time: number;
  share: number;
}

interface ReadoutProps {
  model: ChartModel;
  point: Signal<Point | null>;
  zone: string;
}

const MAX_LINES = 12;

/** What each device measured at the time under the pointer; the table of readings says the same to a screen reader. */
export function Readout({ model, point, zone }: ReadoutProps) {
  if (point.value === null) return null;
  const { time, share } = point.value;
  const lines = model.devices
    .map((device, index) => ({ device, index }))
    .filter(({ device }) => model.drawn.has(device.id))
    .slice(0, MAX_LINES);
  return (
    <div class={`readout ${share > 0.5 ? 'readout-left' : 'readout-right'}`} aria-hidden="true">
      <p class="time">{formatLocal(Math.round(time / 1000) * 1000, zone)}</p>
      {lines.map(({ device, index }) => (
        <p key={device.id} class="readout-line">
          <span class={swatchClass(index)} />
          <Id id={device.id} maxChars={20} />
          <Measured power={powerAt(device, time)} />
        </p>
      ))}
    </div>
  );
}

function Measured({ power }: { power: number | null }) {
  return <span class="number">{power === null ? 'no reading' : `${formatPower(power)} W`}</span>;
}
