import { useSignal } from '@preact/signals';
import type { AggregateSeries } from '../../api/types';
import { useApp, useText } from '../../app/app-context';
import type { TimeRange } from '../../lib/range';
import { Card } from '../../ui/Card';
import { lazily } from '../../ui/lazily';
import { TableSwitch } from '../../ui/TableSwitch';
import { drawnDevices } from '../power-chart/chart-model';
import { barUnit, possibleUnits } from './bar-units';
import { EnergyBars } from './EnergyBars';

const EnergyTable = lazily(async () => (await import('./EnergyTable')).EnergyTable);

/** Energy of the range by hour, day, month or year: of each device, never their sum unless it is asked for. */
export function EnergyCard({ range }: { range: TimeRange }) {
  const { site, view } = useApp();
  const { t } = useText();
  const isTable = useSignal(false);
  const loaded = site.bars.loaded.value;
  const drawn = drawnDevices(site.known.value, view.view.value.devices);
  const series = (loaded?.data ?? []).filter(({ device_id: id }) => id === null || drawn.has(id));
  const tools = (
    <div class="actions">
      <UnitSwitch range={range} />
      <TableSwitch isTable={isTable} />
    </div>
  );
  const Shown = isTable.value ? EnergyTable : EnergyBars;
  return (
    <Card name="energy" title={t('energy.title')} aside={tools}>
      {loaded === null || series.length === 0 ? (
        <div class="bars bars-empty hint">{loaded !== null && t('chart.empty')}</div>
      ) : (
        <Shown series={series} unit={loaded.wanted.unit} zone={site.range.zone.value} />
      )}
      <Notes series={series} />
    </Card>
  );
}

function UnitSwitch({ range }: { range: TimeRange }) {
  const { view } = useApp();
  const { t } = useText();
  const unit = barUnit(range, view.view.value.bars);
  return (
    // biome-ignore lint/a11y/useSemanticElements: a fieldset is for forms
    <div class="tools" role="group" aria-label={t('energy.by')}>
      {possibleUnits(range).map((each) => (
        <button
          key={each}
          type="button"
          class="button-quiet button-small"
          aria-pressed={each === unit}
          onClick={() => view.navigate({ bars: each }, 'replace')}
        >
          {t(`energy.${each}`)}
        </button>
      ))}
    </div>
  );
}

/** What the signs in the bars mean, where there are any. */
function Notes({ series }: { series: readonly AggregateSeries[] }) {
  const { t } = useText();
  const all = series.flatMap(({ buckets }) => [...buckets]);
  const isPartial = all.some(({ energy_kwh, coverage }) => energy_kwh !== null && coverage < 0.9);
  const isExport = all.some(({ export_kwh }) => export_kwh !== null && export_kwh > 0);
  if (!isPartial && !isExport) return null;
  return (
    <p class="hint">
      {isPartial && t('energy.partial')} {isExport && t('energy.export')}
    </p>
  );
}
