/** What users do with a site, on fake services. */
import { fireEvent, screen, waitFor, within } from '@testing-library/preact';
import { describe, expect, it } from 'vitest';
import type { StoredReading } from '../../api/types';
import { FakeEnvironment, NOW } from '../../testing/fake-environment';
import { json, problem } from '../../testing/fake-services';
import { devicesOf } from '../../testing/fake-site';
import { renderInApp } from '../../testing/render';
import { SiteView } from './SiteView';

const HOUR = 3_600_000;
const SITE = 'GET /api/sites/house-01';

function reading(id: number, device_id: string, hoursAgo: number, power_reading: number): StoredReading {
  const timestamp = new Date(NOW - hoursAgo * HOUR).toISOString();
  return {
    stream_id: `${id}-0`,
    site_id: 'house-01',
    device_id,
    power_reading,
    timestamp,
    ingested_at: timestamp,
  };
}

/** Readings of the hours before now, of two devices. */
function house(hours = 60, address = '/?site=house-01&tz=UTC'): FakeEnvironment {
  const environment = new FakeEnvironment();
  environment.visited = [address];
  const rows = Array.from({ length: hours }, (_, hour) => [
    reading(2 * hour + 2, 'main-meter', hour, 1000 + hour),
    reading(2 * hour + 1, 'pv-inverter', hour, 500),
  ]);
  environment.services.stored.set('house-01', rows.flat());
  return environment;
}

const region = (name: string) => screen.findByRole('region', { name });
const click = async (name: string | RegExp) => fireEvent.click(await screen.findByRole('button', { name }));

describe('the figures', () => {
  it('are power now and kWh of today, yesterday and the month, of each device alone', async () => {
    await renderInApp(<SiteView />, house());
    const row = await screen.findByRole('row', { name: /^main-meter 1,000 W .* ago 10/ });
    const [now, today, yesterday] = within(row).getAllByRole('cell');
    expect(now?.textContent).toMatch(/1,000 W0 sec ago/);
    expect(today?.textContent).toMatch(/^10\.\d/);
    expect(yesterday?.textContent).toMatch(/^24\.\d/);
    const figures = await region('At a glance');
    expect(within(figures).queryByText('Sum of the devices')).toBeNull();
  });

  it('have the sum of the devices when it is asked for', async () => {
    const { environment } = await renderInApp(<SiteView />, house());
    fireEvent.click(await screen.findByLabelText('Sum of the devices'));
    await screen.findByRole('row', { name: /^Sum of the devices/ });
    expect(environment.visited.at(-1)).toContain('total=1');
  });

  it('have no power now of a device that is offline, but the age of its last reading', async () => {
    const environment = house();
    const devices = { ...devicesOf('house-01', environment.services.stored.get('house-01') ?? []) };
    devices.devices = devices.devices.map((device) => ({ ...device, status: 'offline' as const }));
    environment.services.answer(`${SITE}/devices`, () => json(devices));
    environment.time = NOW + 400 * 24 * HOUR;
    await renderInApp(<SiteView />, environment);
    const figures = await region('At a glance');
    await within(figures).findByRole('row', { name: /^main-meter –.*1 yr ago – – –$/ });
  });
});

describe('the period', () => {
  it('is the last day while readings arrive, and all of them when they are old', async () => {
    const pressed = (name: string) =>
      waitFor(() => expect(screen.getByRole('button', { name }).ariaPressed).toBe('true'));
    const environment = house();
    const { app } = await renderInApp(<SiteView />, environment);
    await pressed('24 h');
    environment.time = NOW + 90 * 24 * HOUR;
    environment.services.stored.set('house-02', environment.services.stored.get('house-01') ?? []);
    app.view.showSite('house-02');
    await pressed('All');
  });

  it('is asked of the service as instants, in the zone of the page', async () => {
    const environment = house(60, '/?site=house-01&tz=America%2FLos_Angeles');
    await renderInApp(<SiteView />, environment);
    await click('Yesterday');
    await screen.findByRole('heading', { name: 'Sun, 14 Jan 2024' });
    await waitFor(() => {
      const asked = environment.services.requests(`${SITE}/aggregates`).map(({ query }) => query);
      const yesterday = asked.find((query) => query.get('start') === '2024-01-14T08:00:00.000Z');
      expect(yesterday?.get('end')).toBe('2024-01-15T08:00:00.000Z');
      expect(yesterday?.get('tz')).toBe('America/Los_Angeles');
    });
    expect(environment.visited.at(-1)).toContain('range=day-1');
  });

  it('steps back and forth, and not into the future', async () => {
    const { environment } = await renderInApp(<SiteView />, house());
    await click('Today');
    expect((await screen.findByRole('button', { name: 'Next period' })).ariaDisabled).toBe('true');
    await click('Period before');
    await click('Period before');
    await screen.findByRole('heading', { name: 'Sat, 13 Jan 2024' });
    expect(environment.visited.at(-1)).toContain('range=day%402024-01-13');
    await click('Next period');
    await click('Next period');
    await screen.findByRole('heading', { name: 'Mon, 15 Jan 2024' });
    expect(environment.visited.at(-1)).toContain('range=day&');
  });

  it('goes to a date, and to what its user types', async () => {
    const { environment } = await renderInApp(<SiteView />, house());
    await click('Today');
    await screen.findByText('Date and zone').then(fireEvent.click);
    fireEvent.change(await screen.findByLabelText('Go to date'), { target: { value: '2016-11-06' } });
    await screen.findByRole('heading', { name: 'Sun, 6 Nov 2016' });
    fireEvent.input(screen.getByLabelText('From'), { target: { value: '2016-11-07T00:00:00' } });
    await click('Show');
    await screen.findByText('The period must begin before it ends.');
    fireEvent.input(screen.getByLabelText('To'), { target: { value: '2016-11-07T06:00:00' } });
    await click('Show');
    await waitFor(() => expect(environment.visited.at(-1)).toContain('from=2016-11-07T00%3A00%3A00.000Z'));
  });

  it('is of a zone by its name, and refuses another name', async () => {
    const { environment } = await renderInApp(<SiteView />, house());
    fireEvent.click(await screen.findByText('Date and zone'));
    const zone = await screen.findByLabelText('Time zone');
    fireEvent.change(zone, { target: { value: 'Mars/Base' } });
    await screen.findByText(/This time zone is not known/);
    fireEvent.change(zone, { target: { value: 'Asia/Tokyo' } });
    await screen.findByText(/times in Asia\/Tokyo/);
    expect(environment.visited.at(-1)).toContain('tz=Asia%2FTokyo');
  });
});

describe('chart, bars and table', () => {
  it('draw the readings themselves while they are few, and never ask for more than they draw', async () => {
    const { environment } = await renderInApp(<SiteView />, house());
    const chart = await region('Power');
    await within(chart).findByText(/2 lines from/);
    fireEvent.click(within(chart).getByRole('button', { name: 'Table' }));
    await within(chart).findByRole('row', { name: /15 Jan 2024, 10:30:00 1,000 500/ });
    const limits = environment.services
      .requests(`${SITE}/readings`)
      .map(({ query }) => Number(query.get('limit')));
    expect(Math.max(...limits)).toBeLessThanOrEqual(2000);
    expect(limits).not.toContain(0);
  });

  it('show energy by the length of bar that is chosen', async () => {
    await renderInApp(<SiteView />, house());
    const card = await region('Energy');
    fireEvent.click(await within(card).findByRole('button', { name: 'Day' }));
    fireEvent.click(within(card).getByRole('button', { name: 'Table' }));
    const day = await within(card).findByRole('button', { name: 'Sun, 14 Jan 2024' });
    fireEvent.click(day);
    await within(await region('Energy')).findByRole('button', { name: 'Hour' });
  });

  it('leave out a device that is not wanted, everywhere', async () => {
    const { environment } = await renderInApp(<SiteView />, house());
    fireEvent.click(await screen.findByLabelText('pv-inverter'));
    await waitFor(() => {
      const last = environment.services.requests(`${SITE}/readings`).at(-1);
      expect(last?.query.getAll('device_id')).toEqual(['main-meter']);
    });
    await waitFor(() => expect(screen.queryByRole('cell', { name: 'pv-inverter' })).toBeNull());
    expect(screen.getByLabelText('pv-inverter')).toBeTruthy();
    fireEvent.click(screen.getByLabelText('main-meter'));
    await waitFor(() => expect(screen.getAllByText('No readings here.').length).toBeGreaterThan(1));
  });

  it('go by page, and begin with the first one when the order changes', async () => {
    await renderInApp(<SiteView />, house(60, '/?site=house-01&tz=UTC&range=all'));
    await screen.findByText(/^1 to 50/);
    await click('Next page');
    await screen.findByText(/^51 to 100/);
    await click('Next page');
    await screen.findByText(/^101 to 120/);
    expect(screen.getByRole('button', { name: 'Next page' }).ariaDisabled).toBe('true');
    await click('Page before');
    await screen.findByText(/^51 to 100/);
    await click(/^Time/);
    await screen.findByText(/^1 to 50/);
    await screen.findByRole('cell', { name: '1,059' });
  });

  it('offer what they show as CSV', async () => {
    await renderInApp(<SiteView />, house(60, '/?site=house-01&tz=UTC&range=day-1&device=main-meter'));
    const link = (await screen.findByRole('link', { name: 'Download CSV' })) as HTMLAnchorElement;
    expect(new URL(link.href).search).toBe(
      '?start=2024-01-14T00%3A00%3A00.000Z&end=2024-01-15T00%3A00%3A00.000Z&format=csv&device_id=main-meter',
    );
  });
});

describe('a site', () => {
  it('without readings says so, and is looked at again', async () => {
    const environment = house(0);
    const { app } = await renderInApp(<SiteView />, environment);
    await screen.findByRole('heading', { name: 'No readings' });
    environment.services.stored.set('house-01', [reading(1, 'main-meter', 0, 42)]);
    app.site.reload('house-01');
    await screen.findByText(/^1 to 1/);
  });

  it.each(['.', '..'])('named “%s” is no request, and its user is told why', async (id) => {
    const { environment } = await renderInApp(<SiteView />, house(0, `/?site=${id}`));
    await screen.findByText(`A web address cannot hold the name “${id}”.`, { exact: false });
    expect(screen.queryByRole('button', { name: 'Try again' })).toBeNull();
    expect(environment.services.seen.filter(({ path }) => path.startsWith('/api/sites/'))).toEqual([]);
  });

  it('says what could not be loaded, beside what could', async () => {
    const environment = house();
    environment.services.answer(`${SITE}/aggregates`, () => problem(503, 'store_unavailable'));
    await renderInApp(<SiteView />, environment);
    await screen.findByText(/cannot do this right now/);
    await screen.findByText(/^1 to 4/);
    await screen.findByText('Not up to date');
  });
});
