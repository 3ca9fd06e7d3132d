import type { SiteReadings, StoredReading } from '../../api/types';
import { useApp, useText } from '../../app/app-context';
import { parseInstant } from '../../lib/instant';
import { Card } from '../../ui/Card';
import { ScrollBox } from '../../ui/ScrollBox';
import { DeviceId } from '../devices/DeviceId';
import { CsvDownload } from './CsvDownload';
import { PAGE_ROWS } from './page-state';
import { RemovalResult, RemoveReading } from './RemoveReading';

/** The readings of the range and the devices above, a page at a time. */
export function ReadingsTable() {
  const { site } = useApp();
  const { t } = useText();
  const loaded = site.page.loaded.value;
  return (
    <Card name="readings" title={t('readings.title')} aside={<CsvDownload />}>
      <RemovalResult />
      {loaded === null ? <p class="hint">{t('site.loading')}</p> : <Rows page={loaded.data} />}
      <Pages />
    </Card>
  );
}

function Rows({ page }: { page: SiteReadings }) {
  const { t, formats } = useText();
  const power = formats.exactPowerColumn(page.readings.map(({ power_reading }) => power_reading));
  if (page.readings.length === 0) return <p class="hint">{t('chart.empty')}</p>;
  return (
    <ScrollBox class="readings-box" label={t('chart.tableOf', { name: t('readings.title') })}>
      <table>
        <Head />
        <tbody>
          {page.readings.map((reading) => (
            <Row key={reading.stream_id} reading={reading} power={power} />
          ))}
        </tbody>
      </table>
    </ScrollBox>
  );
}

function Head() {
  const { view: state } = useApp();
  const { t } = useText();
  const isNewest = state.view.value.order === 'newest';
  return (
    <thead>
      <tr>
        <th scope="col" aria-sort={isNewest ? 'descending' : 'ascending'}>
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
        <th scope="col" class="number">
          {t('readings.power')}
        </th>
        <th scope="col">{t('devices.device')}</th>
        <th scope="col">{t('readings.sent')}</th>
        <th scope="col">{t('readings.ingested')}</th>
        <th scope="col">{t('readings.streamId')}</th>
        <th scope="col">
          <span class="visually-hidden">{t('readings.actions')}</span>
        </th>
      </tr>
    </thead>
  );
}

interface RowProps {
  reading: StoredReading;
  power(watts: number): string;
}

function Row({ reading, power }: RowProps) {
  const { formats } = useText();
  const { site, pipeline } = useApp();
  const { zone } = site.range;
  return (
    <tr class="reading">
      <td class="time">{formats.time(Math.floor(parseInstant(reading.timestamp)), zone.value)}</td>
      <td class="number">{power(reading.power_reading)}</td>
      <td>
        <DeviceId id={reading.device_id} maxChars={40} />
      </td>
      <td class="code">{reading.timestamp}</td>
      <td class="code">{reading.ingested_at}</td>
      <td class="code">{reading.stream_id}</td>
      <td>{pipeline.isOffered.value && <RemoveReading reading={reading} />}</td>
    </tr>
  );
}

function Pages() {
  const { page, range } = useApp().site;
  const { t } = useText();
  const isFirst = page.isFirst.value;
  const isLast = !page.hasNext.value;
  const loaded = page.loaded.value;
  const first = (loaded?.wanted.number ?? 0) * PAGE_ROWS;
  const count = loaded?.data.readings.length ?? 0;
  return (
    <nav class="actions pages" aria-label={t('readings.pages')}>
      <button type="button" class="button-quiet button-small" aria-disabled={isFirst} onClick={page.previous}>
        {t('readings.previous')}
      </button>
      <span class="count" aria-live="polite">
        {count > 0 && t('readings.rows', { first: first + 1, last: first + count, zone: range.zone.value })}
      </span>
      <button type="button" class="button-quiet button-small" aria-disabled={isLast} onClick={page.next}>
        {t('readings.next')}
      </button>
    </nav>
  );
}
