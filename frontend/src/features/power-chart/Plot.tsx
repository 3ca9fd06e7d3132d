import type { Signal } from '@preact/signals';
import { useEffect, useLayoutEffect, useRef } from 'preact/hooks';
import { useApp, useText } from '../../app/app-context';
import type { PlotData } from '../../lib/plot-data';
import type { ChartModel } from './chart-model';
import { readPalette } from './colours';
import { PowerPlot } from './power-plot';
import type { Point } from './Readout';

interface PlotProps {
  model: ChartModel;
  data: PlotData;
  point: Signal<Point | null>;
}

/** Binds the canvas to the model: a new one for other lines or another theme, new data for another range. */
export function Plot({ model, data, point }: PlotProps) {
  const { view, theme } = useApp();
  const { formats, locale } = useText();
  const host = useRef<HTMLDivElement>(null);
  const plot = useRef<PowerPlot | null>(null);
  const { devices, drawn, range } = model;
  const look = `${theme.theme.value} ${locale} ${devices.map(({ id }) => Number(drawn.has(id))).join('')}`;

  // `look` stands for all that the canvas is made from.
  useLayoutEffect(() => {
    if (host.current === null) return;
    const lines = devices.flatMap(({ id }, index) => (drawn.has(id) ? [index] : []));
    const fresh = new PowerPlot(host.current, lines, readPalette(host.current), formats, {
      onZoom: (range) => view.navigate({ range }, 'push'),
      onReset: () => view.navigate({ range: null }, 'push'),
      onPoint: (next) => {
        point.value = next;
      },
    });
    plot.current = fresh;
    return () => fresh.destroy();
  }, [look]);

  // A new canvas (`look`) starts without data.
  useLayoutEffect(() => {
    plot.current?.draw(data, range);
  }, [look, data, range.from, range.to]);

  useEffect(() => {
    if (host.current === null) return;
    const observer = new ResizeObserver(() => plot.current?.fit());
    observer.observe(host.current);
    return () => observer.disconnect();
  }, []);

  return <div class="plot" ref={host} />;
}
