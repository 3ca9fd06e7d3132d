import { fireEvent, screen, waitFor } from '@testing-library/preact';
import { describe, expect, it, vi } from 'vitest';
import { FakeEnvironment } from '../../testing/fake-environment';
import { problem } from '../../testing/fake-services';
import { renderInApp } from '../../testing/render';
import { SendReading } from '../send-reading/SendReading';
import { ApiKeyCard } from './ApiKeyCard';

const form = vi.hoisted(() => {
  let load = () => {};
  const isSent = new Promise<void>((resolve) => {
    load = resolve;
  });
  return { isSent, load };
});

/** Its file arrives when a test says so. */
vi.mock('./KeyForm', async (original) => {
  await form.isSent;
  return original();
});

/** The card and the form of an address whose readings are rejected. */
async function rejected(): Promise<void> {
  const environment = new FakeEnvironment();
  environment.services.answer('POST /api/readings', () => problem(401, 'api_key_missing'));
  await renderInApp(
    <>
      <ApiKeyCard />
      <SendReading />
    </>,
    environment,
  );
  for (const [label, text] of [
    ['Site', 'house-01'],
    ['Device', 'meter'],
    ['Power (W)', '1500'],
  ] as const)
    fireEvent.input(screen.getByLabelText(label), { target: { value: text } });
  fireEvent.click(screen.getByRole('button', { name: 'Send' }));
}

describe('the field for an API key', () => {
  it('has the focus when a rejected reading leads to it, also before its form is loaded', async () => {
    await rejected();
    fireEvent.click(await screen.findByRole('button', { name: 'Enter a key' }));
    expect(screen.queryByLabelText('API key')).toBeNull();
    form.load();
    const field = await screen.findByLabelText('API key');
    await waitFor(() => expect(document.activeElement).toBe(field));
  });

  it('has the focus each time that it is asked for', async () => {
    await rejected();
    form.load();
    const field = await screen.findByLabelText('API key');
    for (let time = 0; time < 2; time++) {
      screen.getByLabelText('Site').focus();
      fireEvent.click(await screen.findByRole('button', { name: 'Enter a key' }));
      await waitFor(() => expect(document.activeElement).toBe(field));
    }
  });
});
