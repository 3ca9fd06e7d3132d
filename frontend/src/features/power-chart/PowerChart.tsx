import { useSignal } from '@preact/signals';
import { useMemo } from 'preact/hooks';
import { useApp, useText } from '../../app/app-context';
import { LOCAL_ZONE, offsetAt } from '../../lib/local-time';
import { plotData } from '../../lib/plot-data';
import type { DeviceSeries } from '../../lib/series';
import { Card } from '../../ui/Card';
import { ChartTools, onChartKey } from './ChartTools';
import { type ChartModel, chartModel, drawnDevices, hasReadings, summary } from './chart-model';
import { DeviceTable } from './DeviceTable';
import { Plot } from './Plot';
import { type Point, Readout } from './Readout';

interface PowerChartProps {
  devices: DeviceSeries[];
  /** When the readings were requested: readings later than this are ahead of time, however long the page is open. */
  loadedAt: number;
}

export function PowerChart({ devices, loadedAt }: PowerChartProps) {
  const { view } = useApp().view;
  const { t } = useText();
  const { range, devices: asked } = view.value;
  const model = useMemo(
    () => chartModel(devices, { range, devices: asked }, loadedAt),
    [devices, range, asked, loadedAt],
  );
  if (model === null) {
    return (
      <Card name="chart" title={t('chart.title')}>
        <p class="hint">{t('chart.nothing')}</p>
      </Card>
    );
  }
  return <Drawn model={model} loadedAt={loadedAt} />;
}

function Drawn({ model, loadedAt }: { model: ChartModel; loadedAt: number }) {
  const { view } = useApp();
  const text = useText();
  const { t } = text;
  const zone = LOCAL_ZONE;
  const point = useSignal<Point | null>(null);
  const data = useMemo(
    () => plotData(drawnDevices(model), model.range, offsetAt(model.range.from, zone)),
    [model, zone],
  );
  return (
    <Card name="chart" title={t('chart.title')} aside={<ChartTools model={model} />}>
      <p id="chart-summary" class="hint">
        {summary(model, data.bucketMs, loadedAt, zone, text).join(' ')}
      </p>
      {/* biome-ignore lint/a11y/useSemanticElements: a fieldset is for forms */}
      <div
        class="chart-box"
        role="group"
        // biome-ignore lint/a11y/noNoninteractiveTabindex: it takes keys
        tabIndex={0}
        aria-label={t('chart.keys')}
        aria-describedby="chart-summary"
        onKeyDown={(event) => onChartKey(event, model, view)}
      >
        <Plot model={model} data={data} point={point} />
        {!hasReadings(model) && <p class="chart-empty">{t('chart.empty')}</p>}
        <Readout model={model} data={data} point={point} zone={zone} />
      </div>
      <DeviceTable model={model} now={loadedAt} zone={zone} />
    </Card>
  );
}
