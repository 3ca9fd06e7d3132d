import { fireEvent, screen, waitFor, within } from '@testing-library/preact';
import { describe, expect, it } from 'vitest';
import type { NotAcceptedRows as NotAccepted, ReceiverSummary as Receiver } from '../../api/types';
import { FakeEnvironment } from '../../testing/fake-environment';
import { json, problem } from '../../testing/fake-services';
import { renderInApp } from '../../testing/render';
import { PipelinePanel } from './PipelinePanel';

const RECEIVERS = 'GET /api/pipeline/receivers';

const UNMAPPED: NotAccepted = {
  outcome: 'unmapped',
  name: 'tele/<b>x</b>/STATE',
  reason: 'the topic is not in MQTT_TOPICS',
  rows: 7,
  last_at: '2024-01-15T10:28:00Z',
};

function receiver(name: Receiver['name'], rest: Partial<Receiver> = {}): Receiver {
  return {
    name,
    since: '2024-01-15T09:00:00Z',
    accepted: 1200,
    replayed: 0,
    rejected: 2,
    unmapped: 40,
    last_accepted_at: '2024-01-15T10:29:00Z',
    not_accepted: [],
    ...rest,
  };
}

async function draw(...receivers: Receiver[]) {
  const environment = new FakeEnvironment();
  environment.services.answer(RECEIVERS, () => json({ receivers }));
  await renderInApp(<PipelinePanel />, environment);
  return within(await open());
}

/** What its user does; resolves with what is then there. */
async function open(): Promise<HTMLElement> {
  const details = (await screen.findByText('Receivers')).closest('details') as HTMLDetailsElement;
  details.open = true;
  fireEvent(details, new Event('toggle'));
  await waitFor(() => {
    expect(within(details).queryByText('Loading…')).toBeNull();
    expect(details.childElementCount).toBeGreaterThan(1);
  });
  return details;
}

const cells = (row: HTMLElement) =>
  within(row)
    .getAllByRole('cell')
    .map(({ textContent }) => textContent);

describe('the receivers', () => {
  it('are listed with what each accepted, rejected and did not map, and when last', async () => {
    const section = await draw(
      receiver('line_protocol', { replayed: 3 }),
      receiver('new_one' as Receiver['name']),
    );
    expect(cells(section.getByRole('row', { name: /^Line protocol/ }))).toEqual([
      '1,200 3 of them again',
      '2',
      '40',
      '1 min ago',
      '–',
    ]);
    expect(section.getByRole('row', { name: /^new_one/ })).toBeTruthy();
  });

  it.each([
    [0, '✕Not connected'],
    [1, '!1 of 2 connected'],
    [2, '✓Connected'],
  ])('that connect by themselves say whether they are connected (%i of 2)', async (open, text) => {
    const section = await draw(receiver('mqtt', { connections: { processes: 2, open } }));
    expect(cells(section.getByRole('row', { name: /^MQTT/ })).at(-1)).toBe(text);
  });

  it('say what was not accepted and why, as text', async () => {
    const section = await draw(receiver('mqtt', { not_accepted: [UNMAPPED] }));
    expect(section.getByText('What was not accepted')).toBeTruthy();
    const row = section.getByRole('row', { name: /STATE/, hidden: true });
    const texts = within(row)
      .getAllByRole('cell', { hidden: true })
      .map(({ textContent }) => textContent);
    expect(texts).toEqual(['MQTT', 'Not mapped', UNMAPPED.name, UNMAPPED.reason, '7', '2 min ago']);
  });

  it('say that nothing has come in yet', async () => {
    const section = await draw();
    expect(section.getByText('Nothing has come in yet.')).toBeTruthy();
  });

  it('leave the rest of the panel as it is while they are not known', async () => {
    const environment = new FakeEnvironment();
    environment.services.answer(RECEIVERS, () => json({ receivers: [receiver('batch')] }));
    const { app } = await renderInApp(<PipelinePanel />, environment);
    await open();
    expect(screen.getByRole('row', { name: /^Batches/ })).toBeTruthy();
    environment.services.answer(RECEIVERS, () => problem(503, 'store_unavailable'));
    app.receivers.runNow();
    await screen.findByText(/The server cannot do this right now/);
    expect(screen.queryByRole('row', { name: /^Batches/ })).toBeNull();
    expect(screen.getByText('There is no dead letter.')).toBeTruthy();
  });

  it('are not asked for before they are opened', async () => {
    const environment = new FakeEnvironment();
    const { app } = await renderInApp(<PipelinePanel />, environment);
    await screen.findByText('proc-0');
    app.receivers.runNow();
    await app.text.ready;
    expect(environment.services.requests(RECEIVERS)).toEqual([]);
  });
});
