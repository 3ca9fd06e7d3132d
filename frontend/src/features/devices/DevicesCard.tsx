import { type Signal, useSignal } from '@preact/signals';
import type { Device, DeviceList } from '../../api/types';
import { useApp, useText } from '../../app/app-context';
import { parseInstant } from '../../lib/instant';
import { Card } from '../../ui/Card';
import { Sign } from '../../ui/Notice';
import { ScrollBox } from '../../ui/ScrollBox';
import { STATUS_TONES } from '../../ui/status-tones';
import { swatchClass } from '../power-chart/colours';
import { DeviceColumns } from './DeviceColumns';
import { DeviceId } from './DeviceId';
import { type Sorting, sorted } from './sorting';

/** A site is a house or a factory; thousands of devices are an error of a sender, and must not freeze the page. */
const MAX_LISTED = 300;

/** The devices of the site: when each was seen, and whether that is late by its own interval. */
export function DevicesCard() {
  const { site, view } = useApp();
  const { t, locale } = useText();
  const sorting = useSignal<Sorting>({ column: 'device', isDescending: false });
  const list = site.devices.loaded.value?.data;
  if (list === undefined || list.devices.length === 0) return null;
  const all = view.view.value.devices !== null && (
    <button
      type="button"
      class="button-quiet button-small"
      onClick={() => view.navigate({ devices: null }, 'push')}
    >
      {t('devices.all')}
    </button>
  );
  const rest = list.devices.length - MAX_LISTED;
  return (
    <Card name="devices" title={t('devices.title')} aside={all}>
      <Table list={list} sorting={sorting} locale={locale} />
      {rest > 0 && <p class="hint">{t('devices.rest', { count: rest })}</p>}
      {!list.complete && <p class="hint">{t('devices.incomplete')}</p>}
    </Card>
  );
}

interface TableProps {
  list: DeviceList;
  sorting: Signal<Sorting>;
  locale: string;
}

function Table({ list, sorting, locale }: TableProps) {
  const { t, formats } = useText();
  const power = formats.powerColumn(list.devices.map(({ last_power_reading }) => last_power_reading));
  return (
    <ScrollBox class="devices-box" label={t('chart.tableOf', { name: t('devices.title') })}>
      <table>
        <DeviceColumns sorting={sorting} />
        <tbody>
          {sorted(list.devices, sorting.value, locale)
            .slice(0, MAX_LISTED)
            .map((device) => (
              <Row key={device.device_id} device={device} power={power} />
            ))}
        </tbody>
      </table>
    </ScrollBox>
  );
}

interface RowProps {
  device: Device;
  power(watts: number | null): string;
}

function Row({ device, power }: RowProps) {
  const { site, view, clock } = useApp();
  const { t, formats } = useText();
  const { device_id: id, last, last_power_reading: watts, interval_s, readings } = device;
  const isOnly = view.view.value.devices?.length === 1 && view.view.value.devices[0] === id;
  return (
    <tr>
      <th scope="row">
        <span class={swatchClass(site.known.value.indexOf(id))} aria-hidden="true" />
        <DeviceId id={id} maxChars={32} />
      </th>
      <td class="number">{power(watts)}</td>
      <td
        class="time"
        title={last === null ? undefined : formats.time(parseInstant(last), site.range.zone.value)}
      >
        {last === null ? '–' : formats.ago(clock.now.value - parseInstant(last))}
      </td>
      <td class="number">{interval_s === null ? '–' : formats.span(interval_s * 1000)}</td>
      <td class="number">{readings === null ? '–' : formats.count(readings)}</td>
      <td>
        <Status status={device.status} />
      </td>
      <td>
        <button
          type="button"
          class="button-quiet button-small"
          aria-pressed={isOnly}
          aria-label={t('devices.onlyOf', { id })}
          onClick={() => view.navigate({ devices: isOnly ? null : [id] }, 'push')}
        >
          {t('devices.only')}
        </button>
      </td>
    </tr>
  );
}

function Status({ status }: { status: Device['status'] }) {
  const { t } = useText();
  return (
    <span class="status">
      <Sign tone={STATUS_TONES[status]} />
      {t(`status.${status}`)}
    </span>
  );
}
