import { screen, within } from '@testing-library/preact';
import { describe, expect, it } from 'vitest';
import type { PipelineArchiving, PipelinePacking, PipelineState } from '../../api/types';
import { FakeEnvironment } from '../../testing/fake-environment';
import { renderInApp } from '../../testing/render';
import { PipelinePanel } from './PipelinePanel';

const environment = new FakeEnvironment();
const ago = (seconds: number) => new Date(environment.now() - seconds * 1000).toISOString();

const PACKING: PipelinePacking = {
  consumer: 'proc-0',
  state: 'done',
  started_at: ago(9),
  ended_at: ago(8),
  sites: 12_000,
  days: 3,
  readings: 4_320,
  not_packed: 0,
  oldest_waiting_day: null,
  last_success_at: ago(8),
  last_error: null,
};

const ARCHIVING: PipelineArchiving = {
  state: 'done',
  started_at: ago(1_800),
  ended_at: ago(1_700),
  days_due: 40,
  days: 40,
  changed: 0,
  watermark: '2023-12-11',
  last_success_at: ago(1_700),
  last_error: null,
};

/** Shows a pipeline with these members, and gives its rows as texts. */
async function rows(members: Partial<PipelineState>): Promise<string[][]> {
  const environment = new FakeEnvironment();
  const { services } = environment;
  services.pipeline = { ...services.pipeline, ...members };
  await renderInApp(<PipelinePanel />, environment);
  const table = await screen.findByRole('region', { name: 'Packing and archiving', hidden: true });
  const rows = within(table).getAllByRole('row', { hidden: true }).slice(1);
  return rows.map((row) => [...row.children].map((cell) => cell.textContent ?? ''));
}

const isOpen = () => screen.getByText('Packing and archiving').closest('details')?.open;

describe('packing and archiving', () => {
  it('have a row for each process that packs, and one for the archive', async () => {
    const other = {
      ...PACKING,
      consumer: 'proc-1',
      days: 0,
      not_packed: 2,
      oldest_waiting_day: '2024-01-03',
    };
    expect(await rows({ packing: [PACKING, other], archiving: ARCHIVING })).toEqual([
      ['Packing, proc-0', '✓Done 8 sec ago', '3', '–', '8 sec ago'],
      ['Packing, proc-1', '✓Done 8 sec ago', '0 2 not packed', 'Oldest that waits: 2024-01-03', '8 sec ago'],
      ['Archiving', '✓Done 28 min ago', '40', 'Archived before 2023-12-11', '28 min ago'],
    ]);
    expect(isOpen()).toBe(false);
  });

  it('say how far a run is', async () => {
    const running = { state: 'running', ended_at: null, last_success_at: null } as const;
    const tier = { readings: 0, days: 0, memory_bytes: 0 };
    const tiers = { sites: 50_000, sampled_sites: 64, hot: tier, packed: tier, archived: tier };
    const packing = [{ ...PACKING, ...running }];
    const archiving = { ...ARCHIVING, ...running, days: 10, watermark: null };
    expect(await rows({ packing, archiving, tiers })).toEqual([
      ['Packing, proc-0', 'iRunning, began 9 sec ago12,000 of 50,000 sites', '3', '–', '–'],
      ['Archiving', 'iRunning, began 30 min ago', '10 of 40', '–', '–'],
    ]);
  });

  it('are opened, with the cause, where a run has failed', async () => {
    const last_error = { at: ago(60), message: 'the archive is away' };
    const archiving = { ...ARCHIVING, state: 'failed', days: 0, days_due: 0, last_error } as const;
    const [row] = await rows({ archiving });
    expect(row?.[1]).toBe('✕Failed 28 min ago');
    expect(isOpen()).toBe(true);
    expect(screen.getByText('Last error of Archiving, 1 min ago: the archive is away')).toBeTruthy();
  });

  it('say that the process of a run has ended', async () => {
    const [row] = await rows({ packing: [{ ...PACKING, state: 'interrupted', ended_at: null }] });
    expect(row?.[1]).toBe('!Interrupted, began 9 sec ago');
  });

  it('are not there where days are neither packed nor archived', async () => {
    await renderInApp(<PipelinePanel />);
    await screen.findByRole('region', { name: 'Pipeline' });
    expect(screen.queryByText('Packing and archiving')).toBeNull();
  });
});
