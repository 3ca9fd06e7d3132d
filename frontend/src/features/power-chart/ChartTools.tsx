import { panned, type TimeRange, zoomed } from '../../lib/range';
import { navigate } from '../../view';
import type { ChartModel } from './chart-model';

interface Tool {
  name: string;
  sign: string;
  keys: string[];
  /** Null shows everything. */
  apply(model: ChartModel): TimeRange | null;
}

/** All that dragging does, for one finger and for the keyboard (WCAG 2.5.7 and 2.1.1). */
const TOOLS: Tool[] = [
  {
    name: 'Earlier',
    sign: '←',
    keys: ['ArrowLeft'],
    apply: ({ range, whole }) => panned(range, -0.25, whole),
  },
  { name: 'Later', sign: '→', keys: ['ArrowRight'], apply: ({ range, whole }) => panned(range, 0.25, whole) },
  { name: 'Zoom in', sign: '+', keys: ['+', '='], apply: ({ range, whole }) => zoomed(range, 0.5, whole) },
  { name: 'Zoom out', sign: '−', keys: ['-'], apply: ({ range, whole }) => zoomed(range, 2, whole) },
  { name: 'Show all', sign: 'All', keys: ['Home'], apply: () => null },
];

export function ChartTools({ model }: { model: ChartModel }) {
  return (
    <div class="tools" role="toolbar" aria-label="Chart">
      {TOOLS.map((tool) => (
        <button
          key={tool.name}
          type="button"
          class="button-quiet"
          title={tool.name}
          aria-label={tool.name}
          aria-disabled={!model.isZoomed && tool.name !== 'Zoom in'}
          onClick={() => use(tool, model)}
        >
          {tool.sign}
        </button>
      ))}
    </div>
  );
}

export function onChartKey(event: KeyboardEvent, model: ChartModel): void {
  const tool = TOOLS.find(({ keys }) => keys.includes(event.key));
  if (tool === undefined || event.ctrlKey || event.metaKey || event.altKey) return;
  event.preventDefault();
  use(tool, model);
}

function use(tool: Tool, model: ChartModel): void {
  const range = tool.apply(model);
  const isEverything = range === null || (range.from <= model.whole.from && range.to >= model.whole.to);
  navigate({ range: isEverything ? null : range }, 'replace');
}
