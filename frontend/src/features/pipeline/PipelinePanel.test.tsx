import { fireEvent, screen, waitFor, within } from '@testing-library/preact';
import { describe, expect, it } from 'vitest';
import type { DeadLetter } from '../../api/types';
import { FakeEnvironment } from '../../testing/fake-environment';
import { json, problem } from '../../testing/fake-services';
import { renderInApp } from '../../testing/render';
import { PipelinePanel } from './PipelinePanel';

const LETTERS = 'GET /api/pipeline/dead-letters';

function letter(id: string): DeadLetter {
  return {
    id,
    original_id: '1-1',
    reason: 'the field data is missing',
    deliveries: 1,
    consumer: 'proc-0',
    time: '2024-01-15T10:00:00Z',
    fields: [{ name: 'garbage', value: '<b>x</b>' }],
  };
}

function withLetters(...ids: string[]): FakeEnvironment {
  const environment = new FakeEnvironment();
  const { services } = environment;
  services.pipeline = { ...services.pipeline, dead_letters: ids.length };
  services.answer(LETTERS, () => json({ dead_letters: ids.map(letter) }));
  return environment;
}

const open = async () => fireEvent.click(await screen.findByRole('button', { name: /^Show .* dead letter/ }));

describe('the pipeline', () => {
  it('shows rates, backlog and consumers', async () => {
    await renderInApp(<PipelinePanel />);
    const panel = await screen.findByRole('region', { name: 'Pipeline' });
    for (const text of ['41.3/s', '41/s', '1,204', 'proc-0', '12 ms', '200 ms'])
      expect(within(panel).getByText(text), text).toBeTruthy();
    expect(within(panel).getByText('There is no dead letter.')).toBeTruthy();
  });

  it('says that no consumer reads the stream', async () => {
    const environment = new FakeEnvironment();
    const { pipeline } = environment.services;
    environment.services.pipeline = {
      ...pipeline,
      groups: pipeline.groups.map((group) => ({ ...group, consumers: [] })),
    };
    await renderInApp(<PipelinePanel />, environment);
    await screen.findByText(/No consumer reads the stream/);
  });

  it('lists the partitions of a stream that has several', async () => {
    const environment = new FakeEnvironment();
    const { services } = environment;
    const partition = {
      partition: null,
      length: 7,
      pending: 0,
      lag: 0,
      oldest_pending_ms: null,
      first_id: null,
      last_id: null,
      dead_letters: 0,
    };
    const third = {
      ...partition,
      partition: 3,
      length: 1_003,
      lag: 1_002,
      oldest_pending_ms: 200,
      dead_letters: 4,
    };
    services.pipeline = { ...services.pipeline, partitions: [partition, third] };
    await renderInApp(<PipelinePanel />, environment);
    const table = await screen.findByRole('region', { name: '2 partitions', hidden: true });
    const rows = within(table).getAllByRole('row', { hidden: true }).slice(1);
    const cells = rows.map((row) => [...row.children].map((cell) => cell.textContent));
    expect(cells).toEqual([
      ['whole stream', '7', '0', '0', '–', '0'],
      ['3', '1,003', '1,002', '0', '200 ms', '4'],
    ]);
  });

  it('lists no partitions of a stream that has one', async () => {
    await renderInApp(<PipelinePanel />);
    await screen.findByRole('region', { name: 'Pipeline' });
    expect(screen.queryByText(/partition/)).toBeNull();
  });

  it('shows where stored readings are, and what they need', async () => {
    const environment = new FakeEnvironment();
    const { services } = environment;
    const tier = { readings: 0, days: 0, memory_bytes: 0 };
    const tiers = {
      sites: 2,
      sampled_sites: 2,
      hot: { ...tier, readings: 8_640, memory_bytes: 2_500_000 },
      packed: { readings: 525_600, days: 365, memory_bytes: 9_200_000_000 },
      archived: { readings: 1_051_200, days: 730, memory_bytes: null },
    };
    services.pipeline = { ...services.pipeline, tiers };
    await renderInApp(<PipelinePanel />, environment);
    const table = await screen.findByRole('region', { name: 'Stored readings by age', hidden: true });
    const rows = within(table).getAllByRole('row', { hidden: true }).slice(1);
    const cells = rows.map((row) => [...row.children].map((cell) => cell.textContent));
    expect(cells).toEqual([
      ['Recent (sorted sets)', '8,640', '–', '2.5 MB'],
      ['Packed days', '525,600', '365', '9.2 GB'],
      ['Archived days', '1,051,200', '730', '–'],
    ]);
    expect(screen.queryByText(/^Estimated/)).toBeNull();
  });

  it('says that the tiers of many sites are an estimate', async () => {
    const environment = new FakeEnvironment();
    const { services } = environment;
    const tier = { readings: 1, days: 1, memory_bytes: 1 };
    const tiers = { sites: 12_000, sampled_sites: 64, hot: tier, packed: tier, archived: tier };
    services.pipeline = { ...services.pipeline, tiers };
    await renderInApp(<PipelinePanel />, environment);
    await screen.findByText('Estimated from 64 sites of 12,000.');
  });

  it('shows no tiers before the service has sampled sites', async () => {
    await renderInApp(<PipelinePanel />);
    await screen.findByRole('region', { name: 'Pipeline' });
    expect(screen.queryByText('Stored readings by age')).toBeNull();
  });

  it.each([401, 403, 404])('is not there where the server answers %i', async (status) => {
    const environment = new FakeEnvironment();
    environment.services.answer('GET /api/pipeline', () => problem(status, 'forbidden'));
    const { app } = await renderInApp(<PipelinePanel />, environment);
    await waitFor(() => expect(app.pipeline.report.value.phase).toBe('unavailable'));
    expect(screen.queryByRole('region')).toBeNull();
  });

  it('says that its state could not be loaded', async () => {
    const environment = new FakeEnvironment();
    environment.services.answer('GET /api/pipeline', () => problem(503, 'store_unavailable'));
    await renderInApp(<PipelinePanel />, environment);
    await screen.findByText(/state of the pipeline could not be loaded/);
  });
});

describe('dead letters', () => {
  it('are listed with their reason and content', async () => {
    await renderInApp(<PipelinePanel />, withLetters('1-0'));
    await open();
    await screen.findByText('the field data is missing');
    expect(screen.getByText('garbage: <b>x</b>')).toBeTruthy();
  });

  it('are retried one by one', async () => {
    const environment = withLetters('1-0', '2-0');
    environment.services.answer('POST /api/pipeline/dead-letters/1-0/retry', () =>
      json({ stream_id: '9-0' }),
    );
    await renderInApp(<PipelinePanel />, environment);
    await open();
    fireEvent.click(await screen.findByRole('button', { name: 'Retry 1-0' }));
    await screen.findByText('1-0 is in the stream again.');
    expect(screen.queryByRole('button', { name: 'Retry 1-0' })).toBeNull();
    expect(screen.getByRole('button', { name: 'Retry 2-0' })).toBeTruthy();
  });

  it('can be deleted only where they are rows that a receiver rejected', async () => {
    const environment = withLetters('5-1', '5-2');
    const rejected = { ...letter('5-2'), original_id: '', consumer: '', receiver: 'line_protocol' };
    environment.services.answer(LETTERS, () => json({ dead_letters: [letter('5-1'), rejected] }));
    await renderInApp(<PipelinePanel />, environment);
    await open();
    await screen.findByText('rejected by the receiver Line protocol');
    const buttons = screen.getAllByRole('button', { name: /^(?:Retry|Delete) / });
    expect(buttons).toHaveLength(3);
    expect(screen.queryByRole('button', { name: 'Retry 5-2' })).toBeNull();
  });

  it('are deleted after a question only, whose harmless answer has the focus', async () => {
    const environment = withLetters('1-0');
    const { services } = environment;
    services.answer('DELETE /api/pipeline/dead-letters/1-0', () => new Response(null, { status: 204 }));
    await renderInApp(<PipelinePanel />, environment);
    await open();
    fireEvent.click(await screen.findByRole('button', { name: 'Delete 1-0' }));
    expect(document.activeElement?.textContent).toBe('Keep it');
    fireEvent.click(screen.getByRole('button', { name: 'Keep it' }));
    expect(services.requests('DELETE /api/pipeline/dead-letters/1-0')).toEqual([]);
    fireEvent.click(screen.getByRole('button', { name: 'Delete 1-0' }));
    fireEvent.click(screen.getByRole('button', { name: 'Delete 1-0' }));
    await screen.findByText('1-0 is deleted.');
  });

  it('stay when that fails, with the cause', async () => {
    const environment = withLetters('1-0');
    environment.services.answer('POST /api/pipeline/dead-letters/1-0/retry', () =>
      problem(503, 'store_unavailable'),
    );
    await renderInApp(<PipelinePanel />, environment);
    await open();
    fireEvent.click(await screen.findByRole('button', { name: 'Retry 1-0' }));
    await screen.findByText(/cannot do this right now/);
    expect(screen.getByRole('button', { name: 'Retry 1-0' })).toBeTruthy();
  });

  it('come page by page', async () => {
    const environment = withLetters('1-0');
    environment.services.answer(LETTERS, ({ query }) =>
      json(
        query.has('cursor')
          ? { dead_letters: [letter('2-0')] }
          : { dead_letters: [letter('1-0')], next_cursor: '1-0' },
      ),
    );
    await renderInApp(<PipelinePanel />, environment);
    await open();
    fireEvent.click(await screen.findByRole('button', { name: 'Show more' }));
    await screen.findByRole('button', { name: 'Retry 2-0' });
    expect(screen.queryByRole('button', { name: 'Show more' })).toBeNull();
    fireEvent.click(screen.getByRole('button', { name: 'Hide the dead letters' }));
    expect(screen.queryByRole('button', { name: 'Retry 1-0' })).toBeNull();
  });
});
