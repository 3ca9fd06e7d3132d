import { fireEvent, screen, waitFor, within } from '@testing-library/preact';
import { describe, expect, it } from 'vitest';
import type { Device, StoredReading } from '../../api/types';
import { FakeEnvironment, NOW } from '../../testing/fake-environment';
import { json, problem } from '../../testing/fake-services';
import { renderInApp } from '../../testing/render';
import { SiteView } from '../site-view/SiteView';

const DEVICES = 'GET /api/sites/house-01/devices';
const AGGREGATES = 'GET /api/sites/house-01/aggregates';

function device(device_id: string, rest: Partial<Device> = {}): Device {
  return {
    device_id,
    readings: 100,
    first: '2024-01-01T00:00:00Z',
    last: '2024-01-15T10:29:00Z',
    last_power_reading: 1500,
    last_ingested_at: '2024-01-15T10:29:00Z',
    interval_s: 60,
    status: 'fresh',
    ...rest,
  };
}

function house(devices: Device[], complete = true): FakeEnvironment {
  const environment = new FakeEnvironment();
  environment.visited = ['/?site=house-01&tz=UTC'];
  const reading = ({ device_id }: Device, index: number): StoredReading => ({
    stream_id: `${index}-0`,
    site_id: 'house-01',
    device_id,
    power_reading: 1500,
    timestamp: new Date(NOW - 60_000).toISOString(),
    ingested_at: '2024-01-15T10:29:00.000000',
  });
  environment.services.stored.set('house-01', devices.map(reading));
  environment.services.answer(DEVICES, () => json({ site_id: 'house-01', devices, complete }));
  return environment;
}

const card = () => screen.findByRole('region', { name: 'Devices' });
const names = async () => {
  const rows = within(await card()).getAllByRole('rowheader');
  return rows.map(({ textContent }) => textContent);
};

describe('the devices', () => {
  it('are listed with what was last seen of them, and whether that is late', async () => {
    const stale = device('sub-meter', {
      status: 'offline',
      last: '2024-01-14T10:30:00Z',
      last_power_reading: 7,
    });
    await renderInApp(<SiteView />, house([device('main-meter'), stale]));
    const row = within(await card()).getByRole('row', { name: /^sub-meter/ });
    const cells = within(row).getAllByRole('cell');
    const texts = ['7', '1 day ago', '1 min', '100', '✕Offline', 'Only this device'];
    expect(cells.map(({ textContent }) => textContent)).toEqual(texts);
  });

  it('are sorted as people count, and by any column in either order', async () => {
    const devices = [
      device('circuit-10', { last_power_reading: 5 }),
      device('circuit-2', { last_power_reading: 300 }),
      device('circuit-3', { last_power_reading: null }),
    ];
    await renderInApp(<SiteView />, house(devices));
    expect(await names()).toEqual(['circuit-2', 'circuit-3', 'circuit-10']);
    const sort = async (name: RegExp) => fireEvent.click(within(await card()).getByRole('button', { name }));
    await sort(/^Last, W/);
    expect(await names()).toEqual(['circuit-10', 'circuit-2', 'circuit-3']);
    await sort(/^Last, W/);
    expect(await names()).toEqual(['circuit-2', 'circuit-10', 'circuit-3']);
  });

  it('are shown one alone, everywhere, and all again', async () => {
    const { environment } = await renderInApp(<SiteView />, house([device('a'), device('b')]));
    fireEvent.click(within(await card()).getByRole('button', { name: 'Only this device: b' }));
    expect(environment.visited.at(-1)).toContain('device=b');
    await waitFor(() => {
      const last = environment.services.requests(AGGREGATES).at(-1);
      expect(last?.query.getAll('device_id')).toEqual(['b']);
    });
    expect(((await screen.findByLabelText('a')) as HTMLInputElement).checked).toBe(false);
    fireEvent.click(within(await card()).getByRole('button', { name: 'All devices' }));
    expect(environment.visited.at(-1)).not.toContain('device=');
  });

  it('are not loaded beyond those that can be drawn', async () => {
    const devices = Array.from({ length: 20 }, (_, index) => device(`d${String(index).padStart(2, '0')}`));
    const { environment } = await renderInApp(<SiteView />, house(devices));
    await card();
    await waitFor(() => expect(environment.services.requests(AGGREGATES).length).toBeGreaterThan(0));
    for (const { query } of environment.services.requests(AGGREGATES))
      expect(query.getAll('device_id')).toHaveLength(12);
  });

  it('are shown by names that differ, however long their ids are alike', async () => {
    const devices = ['01', '02', '03'].map((number) =>
      device(`distribution-board-3-of-house-circuit-${number}-kitchen-and-living-room`),
    );
    await renderInApp(<SiteView />, house(devices));
    const shown = within(await card()).getAllByRole('rowheader');
    const seen = shown.map((cell) => cell.querySelector('[aria-hidden="true"]:not(.swatch)')?.textContent);
    expect(new Set(seen).size).toBe(3);
    expect(seen[1]).toContain('02');
  });

  it('are a step back when they are switched, however many are', async () => {
    const { environment } = await renderInApp(<SiteView />, house([device('a'), device('b'), device('c')]));
    fireEvent.click(await screen.findByLabelText('a'));
    fireEvent.click(screen.getByLabelText('b'));
    expect(environment.visited).toHaveLength(2);
    environment.goBack();
    await waitFor(() => expect((screen.getByLabelText('a') as HTMLInputElement).checked).toBe(true));
  });

  it('that the address names and the site does not have are named, and a click shows all', async () => {
    const environment = house([device('a')]);
    environment.visited = ['/?site=house-01&tz=UTC&device=nope'];
    await renderInApp(<SiteView />, environment);
    const notice = await screen.findByText(/This site has no device of this name/);
    expect(notice.textContent).toContain('nope');
    fireEvent.click(screen.getAllByRole('button', { name: 'All devices' })[0] as HTMLElement);
    await waitFor(() => expect(screen.queryByText(/This site has no device/)).toBeNull());
  });

  it('may be incomplete, which is said', async () => {
    await renderInApp(<SiteView />, house([device('a')], false));
    await screen.findByText(/some may be missing/);
  });

  it('do not keep the readings from being shown when they cannot be listed', async () => {
    const environment = house([device('a')]);
    environment.services.answer(DEVICES, () => problem(503, 'store_unavailable'));
    await renderInApp(<SiteView />, environment);
    await screen.findByText(/^1 to 1/);
    expect(screen.queryByRole('region', { name: 'Devices' })).toBeNull();
  });
});
