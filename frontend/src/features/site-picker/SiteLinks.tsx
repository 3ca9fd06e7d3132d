import { useSignal } from '@preact/signals';
import { useEffect, useLayoutEffect, useMemo, useRef } from 'preact/hooks';
import type { Site } from '../../api/types';
import { useApp, useText } from '../../app/app-context';
import { at } from '../../lib/arrays';
import { type RowWindow, rowWindow, type Viewport } from '../../lib/windowing';
import { SiteRow } from './SiteRow';
import { nextIndex, revealed } from './site-links-keys';

/** Of a row, as in `sites.css`. */
const ROW_REM = 2.25;
/** Before the box was measured. */
const FIRST_GUESS: Viewport = { scrollTop: 0, height: 320 };
/** More sites are asked for when fewer than these follow. */
const AHEAD = 50;

/**
 * Only the links in sight exist, however many sites there are. They are one stop of the Tab key, and arrow keys go from one to
 * the next: otherwise hundreds of stops were before the chart.
 */
export function SiteLinks({ sites }: { sites: readonly Site[] }) {
  const { view, sites: state } = useApp();
  const { t } = useText();
  const box = useRef<HTMLElement>(null);
  const viewport = useSignal(FIRST_GUESS);
  /** The link that arrow keys have gone to. */
  const active = useSignal<number | null>(null);
  const picked = view.site.value;
  const ids = useMemo(() => sites.map(({ site_id }) => site_id), [sites]);
  const pickedIndex = picked === null ? -1 : ids.indexOf(picked);
  const height = rowHeight();
  const rows = rowWindow(sites.length, height, viewport.value);
  const measure = () => {
    if (box.current === null) return;
    viewport.value = { scrollTop: box.current.scrollTop, height: box.current.clientHeight };
  };
  const reveal = (index: number) => {
    if (box.current === null) return;
    box.current.scrollTop = revealed(index, height, box.current);
    measure();
  };
  useEffect(measure, [sites.length]);
  useEffect(() => {
    if (rows.end > sites.length - AHEAD) state.more();
  }, [rows.end, sites.length]);
  // A site that was picked elsewhere, or came with the address, may be out of sight.
  useEffect(() => {
    if (pickedIndex >= 0) reveal(pickedIndex);
  }, [picked, pickedIndex >= 0]);
  useLayoutEffect(() => {
    if (active.value !== null) box.current?.querySelector<HTMLElement>('a[tabindex="0"]')?.focus();
  }, [active.value]);

  const tabStop = tabStopOf(rows, active.value ?? pickedIndex);
  return (
    <nav
      class="site-links"
      aria-label={t('sites.title')}
      ref={box}
      onScroll={measure}
      onKeyDown={(event) => {
        const next = nextIndex(event.key, tabStop, sites.length);
        if (next === null) return;
        event.preventDefault();
        reveal(next);
        active.value = next;
      }}
    >
      <ul style={{ paddingTop: `${rows.before}px`, paddingBottom: `${rows.after}px` }}>
        {Array.from({ length: rows.end - rows.first }, (_, offset) => rows.first + offset).map((index) => (
          <SiteRow
            key={at(sites, index).site_id}
            site={at(sites, index)}
            place={index + 1}
            count={state.hasMore.value ? -1 : sites.length}
            isTabStop={index === tabStop}
            among={ids}
          />
        ))}
      </ul>
    </nav>
  );
}

function tabStopOf({ first, end }: RowWindow, wanted: number): number {
  return wanted >= first && wanted < end ? wanted : first;
}

/** In pixels: the size of text is the user's. */
function rowHeight(): number {
  const size = Number.parseFloat(getComputedStyle(document.documentElement).fontSize);
  return ROW_REM * (size > 0 ? size : 16);
}
