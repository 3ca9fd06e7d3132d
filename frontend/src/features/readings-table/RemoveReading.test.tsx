import { fireEvent, screen, waitFor } from '@testing-library/preact';
import { describe, expect, it } from 'vitest';
import { FakeEnvironment, NOW } from '../../testing/fake-environment';
import { problem } from '../../testing/fake-services';
import { renderInApp } from '../../testing/render';
import { SiteView } from '../site-view/SiteView';

const DELETE = 'DELETE /api/sites/house-01/readings/2-0';

function house(): FakeEnvironment {
  const environment = new FakeEnvironment();
  environment.visited = ['/?site=house-01&tz=UTC'];
  const reading = (id: number, power_reading: number) => ({
    stream_id: `${id}-0`,
    site_id: 'house-01',
    device_id: 'main-meter',
    power_reading,
    timestamp: new Date(NOW - id * 60_000).toISOString(),
    ingested_at: '2024-01-15T10:30:00.000000',
  });
  environment.services.stored.set('house-01', [reading(1, 1500), reading(2, 150_055)]);
  return environment;
}

const askToDelete = async () =>
  fireEvent.click(await screen.findByRole('button', { name: 'Delete the reading 2-0' }));

describe('a wrong reading', () => {
  it('is deleted after a question only, whose harmless answer has the focus', async () => {
    const environment = house();
    environment.services.answer(DELETE, () => {
      environment.services.stored.get('house-01')?.pop();
      return new Response(null, { status: 204 });
    });
    await renderInApp(<SiteView />, environment);
    await askToDelete();
    expect(document.activeElement?.textContent).toBe('Keep it');
    fireEvent.click(screen.getByRole('button', { name: 'Keep it' }));
    expect(environment.services.requests(DELETE)).toEqual([]);
    await askToDelete();
    fireEvent.click(screen.getByRole('button', { name: 'Delete the reading 2-0' }));
    await screen.findByText('The reading 2-0 is deleted.');
    await waitFor(() => expect(screen.queryByRole('cell', { name: '150,055' })).toBeNull());
  });

  it('stays when that fails, with the cause', async () => {
    const environment = house();
    environment.services.answer(DELETE, () => problem(403, 'scope_missing'));
    await renderInApp(<SiteView />, environment);
    await askToDelete();
    await askToDelete();
    await screen.findByText(/The reading 2-0 is not deleted\. This API key lacks the scope “operate”/);
    expect(screen.getByRole('cell', { name: '150,055' })).toBeTruthy();
  });

  it.each([401, 403, 404])(
    'cannot be deleted where a server responds to operators only (%i)',
    async (status) => {
      const environment = house();
      environment.services.answer('GET /api/pipeline', () => problem(status, 'forbidden'));
      await renderInApp(<SiteView />, environment);
      await screen.findByRole('cell', { name: '150,055' });
      await waitFor(() => expect(environment.services.requests('GET /api/pipeline')).toHaveLength(1));
      expect(screen.queryByRole('button', { name: /^Delete/ })).toBeNull();
    },
  );

  it('stays where only reading is permitted, in words for people', async () => {
    const environment = house();
    environment.services.answer(DELETE, () => problem(403, 'forbidden', 'not offered on this route'));
    await renderInApp(<SiteView />, environment);
    await askToDelete();
    await askToDelete();
    await screen.findByText(/The reading 2-0 is not deleted\. This is not permitted here\./);
  });
});
