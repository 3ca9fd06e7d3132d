import uPlot from 'uplot';
import type { Stop } from '../../app/environment';
import type { Formats } from '../../i18n/formats';
import type { PlotData } from '../../lib/plot-data';
import type { TimeRange } from '../../lib/range';
import { axesOf } from './axes';
import { dashOf, type Palette, SERIES_COLOURS, TOTAL } from './colours';
import { followTouch } from './touch';

export interface PlotHandlers {
  onZoom(range: TimeRange): void;
  onReset(): void;
  /** The time under the pointer, and how far along the chart it is (0 to 1); null when it leaves. */
  onPoint(point: { time: number; share: number } | null): void;
}

/** A drag shorter than this, in pixels, is a click. */
const MIN_DRAG_PIXELS = 4;
/** The powers, the lows and the highs. */
const COLUMNS_PER_LINE = 3;
const EMPTY: uPlot.AlignedData = [[]];

/** uPlot for lines of power over time: owns the canvas, knows nothing of sites or addresses. */
export class PowerPlot {
  private readonly plot: uPlot;
  private range: TimeRange = { from: 0, to: 1 };
  private isolatedPoints: number[][] = [];
  /** By fingers that are still down. */
  private moved: TimeRange | null = null;
  private readonly stopTouch: Stop;

  /** `lines` are places in the palette, one for each column of the data to come. */
  constructor(
    private readonly host: HTMLElement,
    lines: readonly number[],
    palette: Palette,
    formats: Formats,
    zone: string,
    private readonly handlers: PlotHandlers,
  ) {
    this.plot = new uPlot(this.options(lines, palette, formats, zone), EMPTY, host);
    this.stopTouch = followTouch(this.plot.over, {
      range: () => this.range,
      onMove: (range) => this.move(range),
      onEnd: handlers.onZoom,
    });
  }

  draw(data: PlotData, range: TimeRange): void {
    this.range = range;
    this.moved = null;
    this.isolatedPoints = data.lines.map(({ isolatedPoints }) => isolatedPoints);
    const columns = data.lines.flatMap(({ powers, lows, highs }) => [powers, lows, highs]);
    this.plot.setData([data.times, ...columns] as uPlot.AlignedData, true);
  }

  /** Fits the canvas to its box. */
  fit(): void {
    this.plot.setSize(this.size());
  }

  /** Shows another range of what is drawn, before anything else is loaded. */
  private move({ from, to }: TimeRange): void {
    this.moved = { from, to };
    this.plot.setScale('x', { min: from, max: to });
  }

  destroy(): void {
    this.stopTouch();
    this.plot.destroy();
  }

  private size(): { width: number; height: number } {
    return { width: this.host.clientWidth, height: this.host.clientHeight };
  }

  private options(lines: readonly number[], palette: Palette, formats: Formats, zone: string): uPlot.Options {
    return {
      ...this.size(),
      ms: 1,
      // Of the ticks only, which are few.
      tzDate: (time) => uPlot.tzDate(new Date(time), zone),
      legend: { show: false },
      padding: [12, 24, 0, 0],
      series: [{}, ...lines.flatMap((index) => this.seriesOf(index, palette))],
      bands: lines.map((index, line) => bandOf(line, strokeOf(index, palette))),
      axes: axesOf(palette, formats),
      fmtDate: (template) => uPlot.fmtDate(template, formats.dateNames),
      scales: {
        x: { time: true, range: () => this.xRange() },
        y: { range: (_plot, min, max) => powerRange(min, max) },
      },
      cursor: {
        y: false,
        points: { show: false },
        drag: { x: true, y: false, setScale: false },
        bind: { dblclick: () => () => this.reset() },
      },
      hooks: { setSelect: [() => this.zoomToSelection()], setCursor: [() => this.reportPoint()] },
    };
  }

  /** A line and the two invisible edges of its band. */
  private seriesOf(index: number, palette: Palette): uPlot.Series[] {
    const stroke = strokeOf(index, palette);
    const edge: uPlot.Series = { width: 0, points: { show: false } };
    // Dots where they are far enough apart to be seen one by one, and always where no line passes.
    const filter: uPlot.Series.Points.Filter = (_plot, series, show) =>
      show ? null : (this.isolatedPoints[(series - 1) / COLUMNS_PER_LINE] ?? null);
    return [
      { stroke, width: 1.5, dash: dashOf(index), points: { size: 5, fill: stroke, filter } },
      edge,
      edge,
    ];
  }

  private xRange(): [number, number] {
    const { from, to } = this.moved ?? this.range;
    return [from, to];
  }

  private reset(): null {
    this.handlers.onReset();
    return null;
  }

  private zoomToSelection(): void {
    const { left, width } = this.plot.select;
    if (width < MIN_DRAG_PIXELS) return;
    this.plot.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
    const timeAt = (position: number) => Math.round(this.plot.posToVal(position, 'x'));
    this.handlers.onZoom({ from: timeAt(left), to: timeAt(left + width) });
  }

  private reportPoint(): void {
    const left = this.plot.cursor.left ?? -1;
    // Asked for its width only where a pointer is: otherwise each new canvas had the page laid out at once.
    if (left < 0 || this.plot.data[0].length === 0) this.handlers.onPoint(null);
    else
      this.handlers.onPoint({
        time: this.plot.posToVal(left, 'x'),
        share: left / this.plot.over.clientWidth,
      });
  }
}

function strokeOf(index: number, { series, text }: Palette): string {
  return index === TOTAL ? text : (series[index % SERIES_COLOURS] ?? text);
}

/** The area between the lowest and the highest reading of each point. */
function bandOf(line: number, stroke: string): uPlot.Band {
  const first = 1 + line * COLUMNS_PER_LINE;
  return { series: [first + 2, first + 1], fill: stroke.replace(/^rgb\((.*)\)$/, 'rgba($1, 0.2)') };
}

/** Power starts at zero: a cut axis makes small changes look large. */
function powerRange(min: number | null, max: number | null): [number, number] {
  const top = Math.min(Math.max(max ?? 0, 0) * 1.05, Number.MAX_VALUE);
  const bottom = Math.max(Math.min(min ?? 0, 0) * 1.05, -Number.MAX_VALUE);
  return top === bottom ? [0, 1] : [bottom, top];
}
