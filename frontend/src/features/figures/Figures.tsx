import type { AggregateBucket, StoredReading } from '../../api/types';
import { useApp, useText } from '../../app/app-context';
import { parseInstant } from '../../lib/instant';
import { Card } from '../../ui/Card';
import { Id } from '../../ui/Id';
import { ScrollBox } from '../../ui/ScrollBox';
import { LiveBadge } from '../live/LiveBadge';
import { drawnDevices } from '../power-chart/chart-model';
import { swatchClass, TOTAL } from '../power-chart/colours';
import type { DeviceFigures, SiteFigures } from './load-figures';

/** What a householder asks first: how much now, today, yesterday and this month. */
export function Figures() {
  const { figures } = useApp().site;
  const { t } = useText();
  const loaded = figures.loaded.value;
  return (
    <Card name="figures" title={t('figures.title')} aside={<LiveBadge />}>
      {loaded === null ? (
        <p class="hint figures-wait">{t('site.loading')}</p>
      ) : (
        <Known figures={loaded.data} />
      )}
    </Card>
  );
}

function Known({ figures }: { figures: SiteFigures }) {
  const { site, view } = useApp();
  const { t, formats } = useText();
  const known = site.known.value;
  const drawn = drawnDevices(known, view.view.value.devices);
  const rows = figures.devices.filter(({ id }) => id === null || drawn.has(id));
  const extent = site.extent.loaded.value?.data ?? null;
  if (rows.length === 0) {
    const last = extent === null ? '–' : formats.time(extent.to - 1, site.range.zone.value);
    return <p class="hint figures-wait">{t('figures.none', { last })}</p>;
  }
  return (
    <ScrollBox class="figures-box" label={t('chart.tableOf', { name: t('figures.title') })}>
      <table class="figures-table">
        <thead>
          <tr>
            <th scope="col">{t('devices.device')}</th>
            {(['now', 'today', 'yesterday', 'month'] as const).map((name) => (
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
                {row.id === null ? t('chart.total') : <Id id={row.id} maxChars={20} />}
              </th>
              <Now row={row} latest={figures.latest} />
              <Energy bucket={row.today} />
              <Energy bucket={row.yesterday} />
              <Energy bucket={row.month} />
            </tr>
          ))}
        </tbody>
      </table>
    </ScrollBox>
  );
}

/** The last reading: with its age, since it is of no other time. */
function Now({ row, latest }: { row: DeviceFigures; latest: readonly StoredReading[] }) {
  const { clock } = useApp();
  const { formats } = useText();
  const last = latest.find(({ device_id }) => device_id === row.id);
  if (last === undefined) return <td class="number">–</td>;
  const age = clock.now.value - parseInstant(last.timestamp);
  return (
    <td class="number">
      <strong>{`${formats.roundPower(last.power_reading)} W`}</strong>
      <span class="hint figure-note figure-age">{formats.ago(age)}</span>
    </td>
  );
}

function Energy({ bucket }: { bucket: AggregateBucket | null }) {
  const { t, formats } = useText();
  if (bucket === null || bucket.energy_kwh === null) return <td class="number">–</td>;
  const { import_kwh, export_kwh, coverage } = bucket;
  const isExport = export_kwh !== null && export_kwh > 0;
  return (
    <td class="number">
      <strong>{formats.energy(import_kwh)}</strong>
      {isExport && (
        <span class="figure-note">{t('figures.exported', { energy: formats.energy(export_kwh) })}</span>
      )}
      {coverage < 0.995 && (
        <span class="hint figure-note">{t('figures.coverage', { share: formats.share(coverage) })}</span>
      )}
    </td>
  );
}
