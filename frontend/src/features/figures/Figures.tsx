import type { AggregateBucket } from '../../api/types';
import { useApp, useText } from '../../app/app-context';
import { parseInstant } from '../../lib/instant';
import { Card } from '../../ui/Card';
import { ScrollBox } from '../../ui/ScrollBox';
import { DeviceId } from '../devices/DeviceId';
import { LiveBadge } from '../live/LiveBadge';
import { drawnDevices } from '../power-chart/chart-model';
import { swatchClass, TOTAL } from '../power-chart/colours';
import type { DeviceFigures } from './load-figures';

const ENERGIES = ['today', 'yesterday', 'month'] as const;
const NO_FIGURES = { today: null, yesterday: null, month: null };

/** What a householder asks first: how much now, today, yesterday and this month. */
export function Figures() {
  const { t } = useText();
  return (
    <Card name="figures" title={t('figures.title')} aside={<LiveBadge />}>
      <Table />
    </Card>
  );
}

/** A row for each device from the beginning, so that nothing moves when its figures arrive. */
function Table() {
  const { site, view } = useApp();
  const { t, formats } = useText();
  const known = site.known.value;
  const { devices, total } = view.view.value;
  const figures = site.figures.loaded.value?.data ?? [];
  const ids: (string | null)[] = [...drawnDevices(known, devices)];
  const rows = (total ? [...ids, null] : ids).map(
    (id): DeviceFigures => figures.find((each) => each.id === id) ?? { id, ...NO_FIGURES },
  );
  const columns = ENERGIES.map((name) => {
    const format = formats.energyColumn(rows.map((row) => row[name]?.import_kwh));
    return { name, format };
  });
  return (
    <ScrollBox class="figures-box" label={t('chart.tableOf', { name: t('figures.title') })}>
      <table class="figures-table">
        <thead>
          <tr>
            <th scope="col">{t('devices.device')}</th>
            {(['now', ...ENERGIES] as const).map((name) => (
              <th key={name} scope="col" class="number">
                {t(`figures.${name}`)}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <tr key={row.id ?? ''}>
              <th scope="row">
                <span
                  class={swatchClass(row.id === null ? TOTAL : known.indexOf(row.id))}
                  aria-hidden="true"
                />
                {row.id === null ? t('chart.total') : <DeviceId id={row.id} maxChars={20} />}
              </th>
              <Now id={row.id} />
              {columns.map(({ name, format }) => (
                <Energy key={name} bucket={row[name]} format={format} />
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </ScrollBox>
  );
}

/** The last reading: with its age, since it is of no other time. */
function Now({ id }: { id: string | null }) {
  const { clock, site } = useApp();
  const { formats } = useText();
  const device = site.devices.loaded.value?.data.devices.find(({ device_id }) => device_id === id);
  if (device === undefined || device.last === null) return <td class="number">–</td>;
  const { last, last_power_reading: watts, status } = device;
  // What was measured long ago, by the device's own interval, is not what is now.
  const isNow = watts !== null && status !== 'offline';
  return (
    <td class="number">
      {isNow ? <strong>{`${formats.roundPower(watts)} W`}</strong> : '–'}
      <span class="hint figure-note figure-age">{formats.ago(clock.now.value - parseInstant(last))}</span>
    </td>
  );
}

interface EnergyProps {
  bucket: AggregateBucket | null;
  format(kWh: number | null): string;
}

function Energy({ bucket, format }: EnergyProps) {
  const { t, formats } = useText();
  if (bucket === null || bucket.energy_kwh === null) return <td class="number">–</td>;
  const { import_kwh, export_kwh, coverage } = bucket;
  const isExport = export_kwh !== null && export_kwh > 0;
  return (
    <td class="number">
      <strong>{format(import_kwh)}</strong>
      {isExport && (
        <span class="figure-note">{t('figures.exported', { energy: formats.energy(export_kwh) })}</span>
      )}
      {coverage < 0.995 && (
        <span class="hint figure-note">{t('figures.coverage', { share: formats.share(coverage) })}</span>
      )}
    </td>
  );
}
