import { useSignal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import { type ReadingRow, rowAt, type SiteReadings } from '../../api/site-readings';
import { useApp, useText } from '../../app/app-context';
import { LOCAL_ZONE } from '../../lib/local-time';
import { rowWindow, type Viewport } from '../../lib/windowing';
import { Card } from '../../ui/Card';
import { Id } from '../../ui/Id';
import { ScrollBox } from '../../ui/ScrollBox';

/** Every row has this height, in pixels: where a row stands is a multiplication, however many there are. */
const ROW_HEIGHT = 36;
/** Before the box was measured. */
const FIRST_GUESS: Viewport = { scrollTop: 0, height: 600 };

export function ReadingsTable({ readings }: { readings: SiteReadings }) {
  const { view } = useApp().view;
  const { t } = useText();
  const box = useRef<HTMLElement>(null);
  const viewport = useSignal(FIRST_GUESS);
  const order = view.value.order;
  const measure = () => {
    if (box.current === null) return;
    viewport.value = { scrollTop: box.current.scrollTop, height: box.current.clientHeight };
  };
  // Another order starts at its own beginning.
  useEffect(() => {
    box.current?.scrollTo({ top: 0, behavior: 'instant' });
    const observer = new ResizeObserver(measure);
    if (box.current !== null) observer.observe(box.current);
    return () => observer.disconnect();
  }, [order]);

  return (
    <Card
      name="readings"
      title={t('readings.title')}
      aside={<span class="count">{t('readings.rows', { count: readings.count, zone: LOCAL_ZONE })}</span>}
    >
      <ScrollBox class="readings-box" label={t('readings.table')} boxRef={box} onScroll={measure}>
        <table aria-rowcount={readings.count + 1} style={{ '--row-height': `${ROW_HEIGHT}px` }}>
          <Head />
          <Rows readings={readings} viewport={viewport.value} newestFirst={order === 'newest'} />
        </table>
      </ScrollBox>
    </Card>
  );
}

function Head() {
  const { view: state } = useApp();
  const { t } = useText();
  const isNewest = state.view.value.order === 'newest';
  return (
    <thead>
      <tr aria-rowindex={1}>
        <th scope="col" aria-sort={isNewest ? 'descending' : 'ascending'} class="column-time">
          <button
            type="button"
            class="button-sort"
            onClick={() => state.navigate({ order: isNewest ? 'oldest' : 'newest' }, 'replace')}
          >
            {t('readings.time')} <span aria-hidden="true">{isNewest ? '↓' : '↑'}</span>
            <span class="visually-hidden">
              {t(isNewest ? 'readings.newestFirst' : 'readings.oldestFirst')}
            </span>
          </button>
        </th>
        <th scope="col" class="column-power number">
          {t('readings.power')}
        </th>
        <th scope="col">{t('devices.device')}</th>
        <th scope="col" class="column-sent">
          {t('readings.sent')}
        </th>
        <th scope="col" class="column-ingested">
          {t('readings.ingested')}
        </th>
        <th scope="col" class="column-stream">
          {t('readings.streamId')}
        </th>
      </tr>
    </thead>
  );
}

interface RowsProps {
  readings: SiteReadings;
  viewport: Viewport;
  newestFirst: boolean;
}

/** Only the rows in sight; the blank rows before and after keep the scroll bar true. */
function Rows({ readings, viewport, newestFirst }: RowsProps) {
  const { first, end, before, after } = rowWindow(readings.count, ROW_HEIGHT, viewport);
  const places = Array.from({ length: end - first }, (_, index) => first + index);
  return (
    <tbody>
      <Blank height={before} />
      {places.map((place) => (
        <Row
          key={place}
          place={place}
          row={rowAt(readings, newestFirst ? readings.count - 1 - place : place)}
        />
      ))}
      <Blank height={after} />
    </tbody>
  );
}

function Blank({ height }: { height: number }) {
  return (
    // biome-ignore lint/a11y/noAriaHiddenOnFocusable: nothing in it takes the focus
    <tr class="blank" aria-hidden="true">
      <td colSpan={6} style={{ height: `${height}px` }} />
    </tr>
  );
}

function Row({ place, row }: { place: number; row: ReadingRow }) {
  const { formats } = useText();
  return (
    <tr aria-rowindex={place + 2} class="reading">
      <td class="time">{formats.time(Math.floor(row.time), LOCAL_ZONE)}</td>
      <td class="number">{formats.exactPower(row.power)}</td>
      <td>
        <Id id={row.device} maxChars={28} />
      </td>
      <td class="code">{row.timestamp}</td>
      <td class="code">{row.ingestedAt}</td>
      <td class="code">{row.streamId}</td>
    </tr>
  );
}
