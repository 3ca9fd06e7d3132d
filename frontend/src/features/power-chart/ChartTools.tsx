import { useApp, useText } from '../../app/app-context';
import type { ViewState } from '../../app/view-state';
import type { MessageKey } from '../../i18n/translation';
import { panned, type TimeRange, zoomed } from '../../lib/range';
import type { ChartModel } from './chart-model';

interface Tool {
  name: MessageKey;
  /** The same in all languages; null for one that is a word. */
  sign: string | null;
  keys: string[];
  /** Null shows everything. */
  apply(model: ChartModel): TimeRange | null;
}

/** All that dragging does, for one finger and for the keyboard (WCAG 2.5.7 and 2.1.1). */
const TOOLS: Tool[] = [
  {
    name: 'chart.earlier',
    sign: '←',
    keys: ['ArrowLeft'],
    apply: ({ range, whole }) => panned(range, -0.25, whole),
  },
  {
    name: 'chart.later',
    sign: '→',
    keys: ['ArrowRight'],
    apply: ({ range, whole }) => panned(range, 0.25, whole),
  },
  {
    name: 'chart.zoomIn',
    sign: '+',
    keys: ['+', '='],
    apply: ({ range, whole }) => zoomed(range, 0.5, whole),
  },
  { name: 'chart.zoomOut', sign: '−', keys: ['-'], apply: ({ range, whole }) => zoomed(range, 2, whole) },
  { name: 'chart.showAll', sign: null, keys: ['Home'], apply: () => null },
];

export function ChartTools({ model }: { model: ChartModel }) {
  const { view } = useApp();
  const { t } = useText();
  return (
    // biome-ignore lint/a11y/useSemanticElements: a fieldset is for forms
    <div class="tools" role="group" aria-label={t('chart.tools')}>
      {TOOLS.map((tool) => (
        <button
          key={tool.name}
          type="button"
          class="button-quiet"
          title={t(tool.name)}
          aria-label={t(tool.name)}
          aria-disabled={!model.isZoomed && tool.name !== 'chart.zoomIn'}
          onClick={() => use(tool, model, view)}
        >
          {tool.sign ?? t('chart.all')}
        </button>
      ))}
    </div>
  );
}

export function onChartKey(event: KeyboardEvent, model: ChartModel, view: ViewState): void {
  const tool = TOOLS.find(({ keys }) => keys.includes(event.key));
  if (tool === undefined || event.ctrlKey || event.metaKey || event.altKey) return;
  event.preventDefault();
  use(tool, model, view);
}

function use(tool: Tool, model: ChartModel, view: ViewState): void {
  const range = tool.apply(model);
  const isEverything = range === null || (range.from <= model.whole.from && range.to >= model.whole.to);
  view.navigate({ range: isEverything ? null : range }, 'replace');
}
