/** The whole page on fake services. */
import { fireEvent, screen, waitFor, within } from '@testing-library/preact';
import { describe, expect, it } from 'vitest';
import type { StoredReading } from '../api/types';
import { FakeEnvironment, NOW } from '../testing/fake-environment';
import { problem } from '../testing/fake-services';
import { renderInApp } from '../testing/render';
import { App } from './App';
import { mount } from './mount';

const MINUTE = 60_000;
const TWO_ROWS = /^1 to 2, times in/;
/** The readings of the site. */
const shown = () => screen.findByText(TWO_ROWS);

function reading(index: number): StoredReading {
  return {
    stream_id: `${index}-0`,
    site_id: 'house-01',
    device_id: 'main-meter',
    power_reading: 1500 + index,
    timestamp: new Date(NOW - index * MINUTE).toISOString(),
    ingested_at: '2024-01-15T10:30:00.123456',
  };
}

function pageOf(address: string): FakeEnvironment {
  const environment = new FakeEnvironment();
  environment.visited = [address];
  environment.services.sites = ['house-01', 'house-02'];
  environment.services.stored.set('house-01', [reading(1), reading(0)]);
  return environment;
}

describe('the page', () => {
  it('shows a site once it is picked, and goes back', async () => {
    const { environment } = await renderInApp(<App />, pageOf('/'));
    expect(screen.getByRole('heading', { name: 'Pick a site' })).toBeTruthy();
    fireEvent.click(await screen.findByRole('link', { name: /^house-01/ }));
    await shown();
    expect(environment.visited.at(-1)).toBe('/?site=house-01');
    // As the last one of its device, and as a row: each table is loaded on its own.
    await waitFor(() => expect(screen.getAllByRole('cell', { name: '1,500' })).toHaveLength(2));
    environment.goBack();
    await screen.findByRole('heading', { name: 'Pick a site' });
  });

  it('asks for an API key, and shows the site with it', async () => {
    const environment = pageOf('/?site=house-01');
    const rejected = () => problem(401, 'api_key_missing');
    environment.services.answer('GET /api/sites', rejected);
    const fetchFreely = environment.services.fetch;
    const isOfSite = (path: unknown) => String(path).startsWith('/api/sites/');
    environment.fetch = async (path, init) => {
      const isAllowed = new Headers(init?.headers).get('Authorization') === 'Bearer enp_a_b';
      return isOfSite(path) && !isAllowed ? rejected() : fetchFreely(path, init);
    };
    await renderInApp(<App />, environment);
    const key = (await screen.findByLabelText('API key')) as HTMLInputElement;
    fireEvent.input(key, { target: { value: 'not a key' } });
    fireEvent.click(screen.getByRole('button', { name: 'Use the key' }));
    await screen.findByText(/A key has letters/);
    environment.services.answer('GET /api/sites', () => new Response('{"sites":[]}'));
    fireEvent.input(key, { target: { value: 'enp_a_b' } });
    fireEvent.click(screen.getByRole('button', { name: 'Use the key' }));
    await shown();
    await waitFor(() => expect(screen.queryByLabelText('API key')).toBeNull());
    fireEvent.click(screen.getByRole('button', { name: 'Forget the API key' }));
    expect(environment.reloads).toBe(1);
  });

  it('tries again by itself after an outage', async () => {
    const environment = pageOf('/?site=house-01');
    const fetchFreely = environment.services.fetch;
    let isAway = true;
    environment.fetch = async (path, init) => {
      if (isAway && String(path).startsWith('/api/sites/')) throw new TypeError('Failed to fetch');
      return fetchFreely(path, init);
    };
    await renderInApp(<App />, environment);
    await screen.findByText(/could not be loaded. The server could not be reached/);
    isAway = false;
    await shown();
  });

  it('shows an error of its own in a card, beside the parts that go on', async () => {
    const environment = pageOf('/?site=house-01');
    const { app } = await renderInApp(<App />, environment);
    await shown();
    const formats = app.text.text.value.formats;
    formats.exactPowerColumn = () => {
      throw new RangeError('Invalid time value');
    };
    app.site.reload('house-01');
    environment.services.stored.set('house-01', [reading(2), reading(1), reading(0)]);
    await screen.findByText(/This part of the page has an error/);
    expect(screen.getByText(/Invalid time value/)).toBeTruthy();
    expect(screen.getByRole('button', { name: 'Send' })).toBeTruthy();
  });

  it('draws a site of an address with an impossible range as a whole', async () => {
    const range = 'from=-271821-04-20T00:00:00Z&to=%2B275760-09-13T00:00:00Z';
    await renderInApp(<App />, pageOf(`/?site=house-01&${range}`));
    await shown();
    expect(screen.queryByText(/has an error/)).toBeNull();
  });

  it('speaks the language that is chosen, and keeps it', async () => {
    const { environment } = await renderInApp(<App />, pageOf('/'));
    fireEvent.change(screen.getByRole('combobox', { name: 'Language' }), { target: { value: 'fr' } });
    await screen.findByRole('heading', { name: 'Choisissez un site' });
    expect(environment.storages.local().getItem('language')).toBe('fr');
    expect(screen.getByRole('combobox', { name: 'Couleurs' })).toBeTruthy();
  });

  it('has a title in which each character of a site can be seen', async () => {
    const root = document.createElement('div');
    const stop = await mount(root, pageOf('/?site=%E2%80%AEetis-evil'));
    expect(document.title).toBe('‹U+202E›etis-evil · Energy Readings');
    stop();
  });

  it('leads its keyboard users past the lists, to the readings and to the form', async () => {
    const { container } = await renderInApp(<App />, pageOf('/'));
    const targets = ['Skip to the readings', 'Skip to sending a reading'].map((name) =>
      screen.getByRole('link', { name }).getAttribute('href'),
    );
    expect(targets).toEqual(['#main', '#site_id']);
    expect(targets.every((target) => container.querySelector(target ?? '') !== null)).toBe(true);
  });

  it('can be mounted twice, each with its own state', async () => {
    const [first, second] = [document.createElement('div'), document.createElement('div')];
    document.body.append(first, second);
    const german = pageOf('/');
    german.languages = ['de-DE'];
    const stops = [await mount(first, pageOf('/?site=house-01')), await mount(second, german)];
    await within(first).findByText(TWO_ROWS);
    expect(within(second).getByRole('heading', { name: 'Wählen Sie einen Standort' })).toBeTruthy();
    for (const stop of stops) stop();
    expect(first.childElementCount).toBe(0);
    expect(document.documentElement.lang).toBe('de');
  });
});
