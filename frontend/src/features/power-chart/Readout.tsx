import type { Signal } from '@preact/signals';
import { useText } from '../../app/app-context';
import { at } from '../../lib/arrays';
import { type DrawnValue, drawnValue, nearestPlace } from '../../lib/drawn-value';
import { DeviceId } from '../devices/DeviceId';
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

/** What is drawn at the pointer: the time and the values of the nearest point of the lines. */
export function Readout({ model, point, zone }: ReadoutProps) {
  const { data, interval } = model;
  const { t, formats } = useText();
  if (point.value === null) return null;
  const place = nearestPlace(data.times, point.value.time);
  if (place === null) return null;
  const lines = model.lines.map((line, column) => ({ ...line, drawn: at(data.lines, column) }));
  return (
    <div class={`readout ${point.value.share > 0.5 ? 'readout-left' : 'readout-right'}`} aria-hidden="true">
      <p class="time">
        {formats.time(Math.round(at(data.times, place)), zone)}
        {interval !== null && ` (${t('chart.meanOver', { span: formats.interval(interval) })})`}
      </p>
      {lines.slice(0, MAX_LINES).map(({ id, colour, drawn }) => (
        <p key={id ?? ''} class="readout-line">
          <span class={swatchClass(colour)} />
          {id === null ? t('chart.total') : <DeviceId id={id} maxChars={20} />}
          <Drawn value={drawnValue(drawn, place)} />
        </p>
      ))}
    </div>
  );
}

function Drawn({ value }: { value: DrawnValue | null }) {
  const { t, formats } = useText();
  if (value === null) return <span class="number">{t('chart.noReading')}</span>;
  const { power, band } = value;
  return (
    <span class="number">
      {formats.power(power)} W
      {band !== null && (
        <span class="hint">{` ${formats.power(band.low)} – ${formats.power(band.high)} W`}</span>
      )}
    </span>
  );
}
