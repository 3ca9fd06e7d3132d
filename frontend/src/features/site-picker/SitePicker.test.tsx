import { fireEvent, screen, waitFor } from '@testing-library/preact';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { FakeEnvironment } from '../../testing/fake-environment';
import { json, problem, siteOf } from '../../testing/fake-services';
import { renderInApp } from '../../testing/render';
import { SitePicker } from './SitePicker';

// jsdom lays nothing out.
beforeEach(() => void vi.spyOn(Element.prototype, 'clientHeight', 'get').mockReturnValue(306));

const LIST = 'GET /api/sites';
const links = () => screen.getAllByRole('link');
const find = (text: string) => fireEvent.input(screen.getByRole('searchbox'), { target: { value: text } });

function withSites(count: number): FakeEnvironment {
  const environment = new FakeEnvironment();
  const names = Array.from({ length: count }, (_, index) => `site-${String(index).padStart(5, '0')}`);
  environment.services.sites = names;
  return environment;
}

async function draw(environment: FakeEnvironment) {
  const rendered = await renderInApp(<SitePicker />, environment);
  await waitFor(() => expect(rendered.app.sites.listing.value.phase).not.toBe('loading'));
  return rendered;
}

describe('a list of many sites', () => {
  it('has few links, and says that there are more sites than are listed', async () => {
    await draw(withSites(10_003));
    expect(screen.getByText('more than 200')).toBeTruthy();
    expect(links().length).toBeLessThan(40);
  });

  it('lists more while it is scrolled down, and says how many when that are all', async () => {
    const { app } = await draw(withSites(450));
    const list = screen.getByRole('navigation', { name: 'Sites' });
    for (const top of [180, 390, 440]) {
      list.scrollTop = top * 36;
      fireEvent.scroll(list);
      await waitFor(() => expect(app.sites.sites.value.length).toBeGreaterThan(top));
    }
    expect(screen.getByText('450')).toBeTruthy();
    expect(links().at(-1)?.textContent).toContain('site-00449');
  });

  it('is searched by the server, so that also a site beyond its end is found', async () => {
    const { environment } = await draw(withSites(10_003));
    find('site-0999');
    await screen.findByText('site-09999');
    expect(links()).toHaveLength(10);
    expect(environment.services.requests(LIST).at(-1)?.query.get('prefix')).toBe('site-0999');
    find('garage');
    await screen.findByText(/No site has a name that begins so/);
  });

  it('does not ask for each letter that is typed', async () => {
    const { environment } = await draw(withSites(3));
    for (const text of ['s', 'si', 'sit', 'site']) find(text);
    await waitFor(() => expect(environment.services.requests(LIST)).toHaveLength(2));
    expect(environment.services.requests(LIST).at(-1)?.query.get('prefix')).toBe('site');
  });

  it('is one stop of the Tab key, in which arrow keys go from link to link', async () => {
    await draw(withSites(10_003));
    const stops = () => links().filter((link) => link.tabIndex === 0);
    expect(stops()).toHaveLength(1);
    const [first] = stops();
    first?.focus();
    fireEvent.keyDown(first as HTMLElement, { key: 'ArrowDown' });
    await waitFor(() => expect(document.activeElement?.textContent).toContain('site-00001'));
    fireEvent.keyDown(document.activeElement as HTMLElement, { key: 'End' });
    await waitFor(() => expect(document.activeElement?.textContent).toContain('site-00199'));
    expect(stops()).toHaveLength(1);
  });
});

describe('a site in the list', () => {
  it('has a name that differs from those of its neighbours, however long they are alike', async () => {
    const environment = new FakeEnvironment();
    const ids = ['07', '08'].map((number) => `the-long-street-of-our-town-house-${number}-second-floor-left`);
    environment.services.sites = ids;
    await draw(environment);
    const shown = links().map((link) => link.querySelector('.id > [aria-hidden]')?.textContent);
    expect(new Set(shown).size).toBe(2);
    expect(shown[0]).toContain('07');
    expect(links()[0]?.textContent).toContain(ids[0]);
  });

  it('has the age of its last reading, and a word for whether that is late for this site', async () => {
    const environment = new FakeEnvironment();
    environment.services.answer(LIST, () =>
      json({
        sites: [
          siteOf('a'),
          { ...siteOf('b'), status: 'offline', last: '2024-01-12T10:30:00Z' },
          { ...siteOf('c'), status: 'ahead', last: null },
        ],
      }),
    );
    await draw(environment);
    expect(links().map((link) => link.textContent?.replace(/[^\w ]/g, ''))).toEqual([
      'a1mOn time',
      'b3dOffline',
      'ciIts clock is ahead',
    ]);
  });

  it('can be opened by its name, listed or not', async () => {
    const { environment } = await draw(withSites(0));
    expect(screen.getByText(/No site has a stored reading yet/)).toBeTruthy();
    find('unlisted');
    fireEvent.click(screen.getByRole('button', { name: 'Open' }));
    expect(environment.visited.at(-1)).toBe('/?site=unlisted');
  });
});

describe('a list that cannot be loaded', () => {
  it('says so, and that an older list is one', async () => {
    const environment = withSites(2);
    environment.services.answer(LIST, () => problem(503, 'store_unavailable'));
    const { app } = await draw(environment);
    expect(screen.getByText(/There is no list of sites/)).toBeTruthy();
    environment.services.answer(LIST, () => json({ sites: [siteOf('a')] }));
    app.sites.runNow();
    await screen.findByRole('link', { name: /^a/ });
    environment.services.answer(LIST, () => problem(503, 'store_unavailable'));
    app.sites.runNow();
    await screen.findByText(/This list is an older one/);
    expect(screen.getByRole('link', { name: /^a/ })).toBeTruthy();
  });
});
