import type { Signal } from '@preact/signals';
import { useEffect, useLayoutEffect, useRef } from 'preact/hooks';
import { useApp, useText } from '../../app/app-context';
import { nextTask } from '../../app/next-task';
import type { TimeRange } from '../../lib/range';
import type { ChartModel } from './chart-model';
import { readPalette } from './colours';
import { PowerPlot } from './power-plot';
import type { Point } from './Readout';

interface PlotProps {
  model: ChartModel;
  range: TimeRange;
  zone: string;
  point: Signal<Point | null>;
  onZoom(range: TimeRange): void;
  onReset(): void;
}

/** Binds the canvas to the model: a new one for other lines or another theme, new data for another range. */
export function Plot({ model, range, zone, point, onZoom, onReset }: PlotProps) {
  const { theme } = useApp();
  const { formats, locale } = useText();
  const host = useRef<HTMLDivElement>(null);
  const plot = useRef<PowerPlot | null>(null);
  const handlers = useRef({ onZoom, onReset });
  handlers.current = { onZoom, onReset };
  const colours = model.lines.map(({ colour }) => colour);
  const look = `${theme.theme.value} ${locale} ${zone} ${colours}`;

  // `look` stands for all that the canvas is made from.
  useLayoutEffect(() => {
    if (host.current === null) return;
    const fresh = new PowerPlot(host.current, colours, readPalette(host.current), formats, zone, {
      onZoom: (range) => handlers.current.onZoom(range),
      onReset: () => handlers.current.onReset(),
      onPoint: (next) => {
        point.value = next;
      },
    });
    plot.current = fresh;
    return () => {
      plot.current = null;
      fresh.destroy();
    };
  }, [look]);

  // A new canvas (`look`) starts without data. It is filled in a task of its own: making it takes as long.
  useLayoutEffect(() => {
    let isWanted = true;
    void nextTask().then(() => {
      if (isWanted) plot.current?.draw(model.data, range);
    });
    return () => {
      isWanted = false;
    };
  }, [look, model.data, range.from, range.to]);

  useEffect(() => {
    if (host.current === null) return;
    const observer = new ResizeObserver(() => plot.current?.fit());
    observer.observe(host.current);
    return () => observer.disconnect();
  }, []);

  return <div class="plot" ref={host} />;
}
