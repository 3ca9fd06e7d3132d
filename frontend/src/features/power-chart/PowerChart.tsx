import { useSignal } from '@preact/signals';
import { useMemo } from 'preact/hooks';
import { useApp, useText } from '../../app/app-context';
import type { Period } from '../../lib/period';
import type { TimeRange } from '../../lib/range';
import { Card } from '../../ui/Card';
import { lazily } from '../../ui/lazily';
import { TableSwitch } from '../../ui/TableSwitch';
import { ChartTools, onChartKey } from './ChartTools';
import { type ChartModel, chartModel, drawnDevices, summary } from './chart-model';
import { DeviceLegend } from './DeviceLegend';
import { Plot } from './Plot';
import { type Point, Readout } from './Readout';

const PowerTable = lazily(async () => (await import('./PowerTable')).PowerTable);

/** Power over the range, of each device; as high as it will be before it is loaded. */
export function PowerChart({ range }: { range: TimeRange }) {
  const { site, view } = useApp();
  const { t } = useText();
  const isTable = useSignal(false);
  const loaded = site.chart.loaded.value;
  const known = site.known.value;
  const asked = view.view.value.devices;
  const drawn = useMemo(() => drawnDevices(known, asked), [known, asked]);
  const model = useMemo(
    () => (loaded === null ? null : chartModel(loaded.data, known, drawn)),
    [loaded, known, drawn],
  );
  const tools = (
    <div class="actions">
      <ChartTools range={range} />
      <TableSwitch isTable={isTable} />
    </div>
  );
  return (
    <Card name="chart" title={t('chart.title')} aside={tools}>
      {model === null ? <div class="plot" /> : <Drawn model={model} range={range} isTable={isTable.value} />}
      <DeviceLegend known={known} drawn={drawn} />
    </Card>
  );
}

interface DrawnProps {
  model: ChartModel;
  range: TimeRange;
  isTable: boolean;
}

function Drawn({ model, range, isTable }: DrawnProps) {
  const { view, site } = useApp();
  const text = useText();
  const { t } = text;
  const zone = site.range.zone.value;
  const point = useSignal<Point | null>(null);
  /** Where drags have begun, to go back by a double click. */
  const before = useSignal<(Period | null)[]>([]);
  const isEmpty = model.data.times.length === 0 && !site.chart.isLoading.value;
  const zoom = (next: TimeRange) => {
    before.value = [...before.value, view.view.peek().period];
    view.navigate({ period: { kind: 'range', ...next } }, 'push');
  };
  const unzoom = () => {
    view.navigate({ period: before.value.at(-1) ?? null }, 'push');
    before.value = before.value.slice(0, -1);
  };
  return (
    <>
      {isTable ? (
        <PowerTable model={model} zone={zone} />
      ) : (
        // biome-ignore lint/a11y/useSemanticElements: a fieldset is for forms
        <div
          class="chart-box"
          role="group"
          // biome-ignore lint/a11y/noNoninteractiveTabindex: it takes keys
          tabIndex={0}
          aria-label={t('chart.keys')}
          aria-describedby="chart-summary"
          onKeyDown={(event) => onChartKey(event, range, view)}
        >
          <Plot model={model} range={range} zone={zone} point={point} onZoom={zoom} onReset={unzoom} />
          {isEmpty && <p class="chart-empty">{t('chart.empty')}</p>}
          <Readout model={model} point={point} zone={zone} />
        </div>
      )}
      <p id="chart-summary" class="hint">
        {summary(model, range, zone, text).join(' ')} {!isTable && t('chart.drag')}
      </p>
    </>
  );
}
