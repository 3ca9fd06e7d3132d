import { useSignal } from '@preact/signals';
import type { AggregateSeries } from '../../api/types';
import { useApp, useText } from '../../app/app-context';
import { at } from '../../lib/arrays';
import { parseInstant } from '../../lib/instant';
import type { BarUnit } from '../../lib/url-state';
import { DeviceId } from '../devices/DeviceId';
import { SERIES_COLOURS, swatchClass, TOTAL } from '../power-chart/colours';
import { type BarsModel, barsModel } from './bars-model';

interface EnergyBarsProps {
  series: readonly AggregateSeries[];
  unit: BarUnit;
  zone: string;
}

const MAX_LABELS = 8;
const percent = (share: number) => `${100 * share}%`;

/** Drawn in shares of its box, so that it needs no measuring; the table has the same numbers. */
export function EnergyBars({ series, unit, zone }: EnergyBarsProps) {
  const { known } = useApp().site;
  const model = barsModel(series);
  const slot = useSignal<number | null>(null);
  const colourOf = (index: number) => {
    const id = at(series, index).device_id;
    return id === null ? TOTAL : known.value.indexOf(id);
  };
  const point = (event: PointerEvent) => {
    const { left, width } = (event.currentTarget as Element).getBoundingClientRect();
    const place = Math.floor(((event.clientX - left) / width) * model.slots.length);
    slot.value = place >= 0 && place < model.slots.length ? place : null;
  };
  return (
    <div class="bars">
      <Ticks ticks={model.ticks} />
      <div
        class="bars-plot"
        onPointerMove={point}
        onPointerLeave={() => {
          slot.value = null;
        }}
      >
        <Shapes model={model} colourOf={colourOf} />
        {slot.value !== null && (
          <BarReadout series={series} slot={slot.value} unit={unit} zone={zone} colourOf={colourOf} />
        )}
      </div>
      <Labels model={model} unit={unit} zone={zone} />
    </div>
  );
}

function Shapes({ model, colourOf }: { model: BarsModel; colourOf(index: number): number }) {
  return (
    <svg width="100%" height="100%" aria-hidden="true" focusable="false">
      <defs>
        <pattern id="hatch" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">
          <rect class="hatch-line" width="3" height="6" />
        </pattern>
      </defs>
      {model.ticks.map(({ kWh, y }) => (
        <line
          key={kWh}
          class={kWh === 0 ? 'bars-zero' : 'bars-line'}
          x1="0"
          x2="100%"
          y1={percent(y)}
          y2={percent(y)}
        />
      ))}
      {model.bars.map(({ series, bucket, isExport, isPartial, x, width, y, height }) => {
        const colour = colourOf(series);
        const box = { x: percent(x), width: percent(width), y: percent(y), height: percent(height) };
        const swatch = colour === TOTAL ? 'total' : colour % SERIES_COLOURS;
        return (
          <g key={`${series} ${bucket.start} ${isExport}`} class={`bar swatch-${swatch}`}>
            <rect {...box} class={isExport ? 'bar-export' : 'bar-import'} />
            {isPartial && <rect {...box} fill="url(#hatch)" />}
          </g>
        );
      })}
    </svg>
  );
}

function Ticks({ ticks }: { ticks: BarsModel['ticks'] }) {
  const { formats } = useText();
  return (
    <div class="bars-ticks" aria-hidden="true">
      {ticks.map(({ kWh, y }) => (
        <span key={kWh} style={{ top: percent(y) }}>
          {formats.energy(kWh)}
        </span>
      ))}
    </div>
  );
}

function Labels({ model, unit, zone }: { model: BarsModel; unit: BarUnit; zone: string }) {
  const { formats } = useText();
  const { slots } = model;
  const step = Math.ceil(slots.length / MAX_LABELS);
  return (
    <div class="bars-labels" aria-hidden="true">
      {slots.map(({ start }, index) =>
        index % step === 0 ? (
          <span key={start} style={{ left: percent((index + 0.5) / slots.length) }}>
            {formats.bucket(unit, parseInstant(start), zone)}
          </span>
        ) : null,
      )}
    </div>
  );
}

interface BarReadoutProps extends EnergyBarsProps {
  slot: number;
  colourOf(index: number): number;
}

function BarReadout({ series, slot, unit, zone, colourOf }: BarReadoutProps) {
  const { t, formats } = useText();
  const first = series[0]?.buckets[slot];
  if (first === undefined) return null;
  const isLate = slot > at(series, 0).buckets.length / 2;
  return (
    <div class={`readout ${isLate ? 'readout-left' : 'readout-right'}`} aria-hidden="true">
      <p class="time">{formats.calendar(unit, parseInstant(first.start), parseInstant(first.end), zone)}</p>
      {series.map(({ device_id: id, buckets }, index) => {
        const bucket = at(buckets, slot);
        return (
          <p key={id ?? ''} class="readout-line">
            <span class={swatchClass(colourOf(index))} />
            {id === null ? t('chart.total') : <DeviceId id={id} maxChars={20} />}
            <span class="number">
              {`${formats.energy(bucket.import_kwh)} kWh`}
              {(bucket.export_kwh ?? 0) > 0 &&
                `, ${t('figures.exported', { energy: formats.energy(bucket.export_kwh) })}`}
              {bucket.coverage < 0.995 && (
                <span class="hint">{` ${t('figures.coverage', { share: formats.share(bucket.coverage) })}`}</span>
              )}
            </span>
          </p>
        );
      })}
    </div>
  );
}
