import { useApp, useText } from '../../app/app-context';
import type { ViewState } from '../../app/view-state';
import type { MessageKey } from '../../i18n/translation';
import { panned, type TimeRange, zoomed } from '../../lib/range';

interface Tool {
  name: MessageKey;
  /** The same in all languages. */
  sign: string;
  keys: string[];
  /** Null shows the page's own choice. */
  apply(range: TimeRange): TimeRange | null;
}

/** All that dragging does, for one finger and for the keyboard (WCAG 2.5.7 and 2.1.1). */
const TOOLS: Tool[] = [
  { name: 'chart.earlier', sign: '←', keys: ['ArrowLeft'], apply: (range) => panned(range, -0.25) },
  { name: 'chart.later', sign: '→', keys: ['ArrowRight'], apply: (range) => panned(range, 0.25) },
  { name: 'chart.zoomIn', sign: '+', keys: ['+', '='], apply: (range) => zoomed(range, 0.5) },
  { name: 'chart.zoomOut', sign: '−', keys: ['-'], apply: (range) => zoomed(range, 2) },
  { name: 'chart.reset', sign: '⟲', keys: ['Home'], apply: () => null },
];

export function ChartTools({ range }: { range: TimeRange }) {
  const { view } = useApp();
  const { t } = useText();
  return (
    // biome-ignore lint/a11y/useSemanticElements: a fieldset is for forms
    <div class="tools" role="group" aria-label={t('chart.tools')}>
      {TOOLS.map((tool) => (
        <button
          key={tool.name}
          type="button"
          class="button-quiet button-small"
          title={t(tool.name)}
          aria-label={t(tool.name)}
          onClick={() => use(tool, range, view)}
        >
          {tool.sign}
        </button>
      ))}
    </div>
  );
}

export function onChartKey(event: KeyboardEvent, range: TimeRange, view: ViewState): void {
  const tool = TOOLS.find(({ keys }) => keys.includes(event.key));
  if (tool === undefined || event.ctrlKey || event.metaKey || event.altKey) return;
  event.preventDefault();
  use(tool, range, view);
}

function use(tool: Tool, range: TimeRange, view: ViewState): void {
  const next = tool.apply(range);
  // As with a drag: a step back undoes it. Many small steps are one.
  const how = view.view.peek().period?.kind === 'range' ? 'replace' : 'push';
  view.navigate({ period: next === null ? null : { kind: 'range', ...next } }, how);
}
