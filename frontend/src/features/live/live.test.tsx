/** The page follows what arrives, and says so only as long as it does. */
import { screen, waitFor } from '@testing-library/preact';
import { describe, expect, it } from 'vitest';
import { FakeEnvironment, NOW } from '../../testing/fake-environment';
import { problem } from '../../testing/fake-services';
import { renderInApp } from '../../testing/render';
import { SiteView } from '../site-view/SiteView';

const EVENTS = 'GET /api/sites/house-01/events';

const reading = (id: number, power_reading: number) => ({
  stream_id: `${id}-0`,
  site_id: 'house-01',
  device_id: 'main-meter',
  power_reading,
  timestamp: new Date(NOW - 60_000 + id).toISOString(),
  ingested_at: '2024-01-15T10:30:00.000000',
});

/** A house whose events a test sends. */
function house() {
  const environment = new FakeEnvironment();
  environment.visited = ['/?site=house-01&tz=UTC'];
  environment.services.stored.set('house-01', [reading(1, 1000)]);
  const streams: ReadableStreamDefaultController<Uint8Array>[] = [];
  environment.services.answer(EVENTS, () => {
    const body = new ReadableStream<Uint8Array>({ start: (controller) => void streams.push(controller) });
    return new Response(body);
  });
  const send = (text: string) => streams.at(-1)?.enqueue(new TextEncoder().encode(text));
  return { environment, streams, send };
}

describe('a site', () => {
  it('is live while its events arrive, and shows a reading that they tell of', async () => {
    const { environment, send } = house();
    await renderInApp(<SiteView />, environment);
    await screen.findByText('Connecting…');
    await screen.findByText(/^1 to 1/);
    send('retry: 3000\nid: 1-0\n\n');
    await screen.findByText('Live');
    environment.services.stored.get('house-01')?.push(reading(2, 2222));
    send('id: 2-0\nevent: reading\ndata: {}\n\n');
    await screen.findByText('2,222 W');
  });

  it('is asked for now and then while there are no events, and continues after the last one', async () => {
    const { environment, streams, send } = house();
    await renderInApp(<SiteView />, environment);
    await waitFor(() => expect(streams).toHaveLength(1));
    send('id: 7-0\n\n');
    await screen.findByText('Live');
    streams[0]?.close();
    await screen.findByText('Every 10 seconds');
    await waitFor(() => expect(streams).toHaveLength(2));
    expect(environment.services.requests(EVENTS).at(-1)?.headers.get('Last-Event-ID')).toBe('7-0');
    send(':\n\n');
    await screen.findByText('Live');
  });

  it('is not live when what is shown cannot be loaded again', async () => {
    const { environment, send } = house();
    const { app } = await renderInApp(<SiteView />, environment);
    await screen.findByText(/^1 to 1/);
    send('id: 1-0\n\n');
    await screen.findByText('Live');
    await waitFor(() => expect(app.site.figures.loaded.value).not.toBeNull());
    environment.services.answer('GET /api/sites/house-01/aggregates', () =>
      problem(503, 'store_unavailable'),
    );
    app.site.reload('house-01');
    await screen.findByText('Not up to date');
    expect(screen.getByText(/^as of 15 Jan 2024, 10:30:00/)).toBeTruthy();
  });

  it('has no open stream while its page is hidden', async () => {
    const { environment, streams, send } = house();
    await renderInApp(<SiteView />, environment);
    await waitFor(() => expect(streams).toHaveLength(1));
    send('id: 5-0\n\n');
    environment.setVisible(false);
    environment.setVisible(true);
    await waitFor(() => expect(streams).toHaveLength(2));
  });

  it('sends the API key with the request for events', async () => {
    const { environment, streams } = house();
    environment.storages.session().setItem('api-key', 'enp_a_b');
    await renderInApp(<SiteView />, environment);
    await waitFor(() => expect(streams).toHaveLength(1));
    const { headers } = environment.services.requests(EVENTS)[0] ?? {};
    expect(headers?.get('Authorization')).toBe('Bearer enp_a_b');
  });
});
