import { useText } from '../../app/app-context';
import { at } from '../../lib/arrays';
import type { PlotLine } from '../../lib/plot-data';
import { ScrollBox } from '../../ui/ScrollBox';
import { DeviceId } from '../devices/DeviceId';
import type { ChartModel } from './chart-model';

interface PowerTableProps {
  model: ChartModel;
  zone: string;
}

/** The points of the chart, so that nothing of it is for the eye alone. */
export function PowerTable({ model, zone }: PowerTableProps) {
  const { t, formats } = useText();
  const { lines, data } = model;
  const powers = data.lines.map((line) => formats.powerColumn(line.powers));
  return (
    <ScrollBox class="buckets-box" label={t('chart.tableOf', { name: t('chart.title') })}>
      <table>
        <thead>
          <tr>
            <th scope="col">{t('readings.time')}</th>
            {lines.map(({ id }) => (
              <th key={id ?? ''} scope="col" class="number">
                {id === null ? t('chart.total') : <DeviceId id={id} maxChars={24} />}
                {', W'}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {data.times.map((time, place) => (
            <tr key={time}>
              <th scope="row" class="time">
                {formats.time(Math.round(time), zone)}
              </th>
              {lines.map(({ id }, column) => (
                <Cell key={id ?? ''} line={at(data.lines, column)} place={place} power={at(powers, column)} />
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </ScrollBox>
  );
}

interface CellProps {
  line: PlotLine;
  place: number;
  power(watts: number): string;
}

function Cell({ line: { powers, lows, highs }, place, power: format }: CellProps) {
  const { formats } = useText();
  const [power, low, high] = [powers[place], lows[place], highs[place]];
  return (
    <td class="number">
      {typeof power === 'number' ? format(power) : '–'}
      {typeof low === 'number' && typeof high === 'number' && low < high && (
        <span class="hint">{` ${formats.power(low)} – ${formats.power(high)}`}</span>
      )}
    </td>
  );
}
