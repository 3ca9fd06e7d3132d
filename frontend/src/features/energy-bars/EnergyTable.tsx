import type { AggregateBucket, AggregateSeries } from '../../api/types';
import { useApp, useText } from '../../app/app-context';
import { parseInstant } from '../../lib/instant';
import type { BarUnit } from '../../lib/url-state';
import { ScrollBox } from '../../ui/ScrollBox';
import { DeviceId } from '../devices/DeviceId';

interface EnergyTableProps {
  series: readonly AggregateSeries[];
  unit: BarUnit;
  zone: string;
}

/** The numbers of the bars; a period is a button that shows it alone. */
export function EnergyTable({ series, unit, zone }: EnergyTableProps) {
  const { t, formats } = useText();
  const { view } = useApp();
  const columns = series.map(({ device_id: id, buckets }) => {
    const format = formats.energyColumn(buckets.map(({ import_kwh }) => import_kwh));
    return { id, buckets, format };
  });
  const show = ({ start, end }: AggregateBucket) =>
    view.navigate({ period: { kind: 'range', from: parseInstant(start), to: parseInstant(end) } }, 'push');
  return (
    <ScrollBox class="buckets-box" label={t('chart.tableOf', { name: t('energy.title') })}>
      <table>
        <thead>
          <tr>
            <th scope="col">{t('readings.time')}</th>
            {series.map(({ device_id: id }) => (
              <th key={id ?? ''} scope="col" class="number">
                {id === null ? t('chart.total') : <DeviceId id={id} maxChars={24} />}
                {', kWh'}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {series[0]?.buckets.map((bucket, slot) => (
            <tr key={bucket.start}>
              <th scope="row" class="time">
                <button type="button" class="button-link" onClick={() => show(bucket)}>
                  {formats.calendar(unit, parseInstant(bucket.start), parseInstant(bucket.end), zone)}
                </button>
              </th>
              {columns.map(({ id, buckets, format }) => (
                <Cell key={id ?? ''} bucket={buckets[slot]} format={format} />
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </ScrollBox>
  );
}

interface CellProps {
  bucket: AggregateBucket | undefined;
  format(kWh: number | null): string;
}

function Cell({ bucket, format }: CellProps) {
  const { t, formats } = useText();
  if (bucket === undefined || bucket.energy_kwh === null) return <td class="number">–</td>;
  return (
    <td class="number">
      {format(bucket.import_kwh)}
      {(bucket.export_kwh ?? 0) > 0 &&
        `, ${t('figures.exported', { energy: formats.energy(bucket.export_kwh) })}`}
      {bucket.coverage < 0.995 && (
        <span class="hint">{` ${t('figures.coverage', { share: formats.share(bucket.coverage) })}`}</span>
      )}
    </td>
  );
}
