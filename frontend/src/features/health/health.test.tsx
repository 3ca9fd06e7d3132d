import { screen } from '@testing-library/preact';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { type Answer, json, silence } from '../../testing/fake-services';
import { type Rendered, renderInApp } from '../../testing/render';
import { HealthBanner } from './HealthBanner';
import { HealthWord } from './HealthWord';

const INGESTION = 'GET /ingestion/health';
const PROCESSING = 'GET /api/health';
const health = (redis_connected: boolean) => () => json({ redis_connected });
const broken: Answer = () => Promise.reject(new TypeError('Failed to fetch'));

let page: Rendered;

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

async function draw(): Promise<void> {
  page = await renderInApp(
    <>
      <HealthWord />
      <HealthBanner />
    </>,
  );
  await seconds(0.1);
}

const seconds = (count: number) => vi.advanceTimersByTimeAsync(count * 1000);
const answer = (at: string, how: Answer) => page.environment.services.answer(at, how);
const word = () => screen.getByRole('region', { name: 'Pipeline health' }).textContent?.trim();

describe('the health of the whole', () => {
  it('is good when both services and Redis are', async () => {
    await draw();
    expect(word()).toContain('Healthy');
    expect(screen.queryByText(/database/)).toBeNull();
  });

  it.each([
    ['Redis is away', [[INGESTION, health(false)]], 'No database', /no connection to its database/],
    ['the Ingestion API is away', [[INGESTION, broken]], 'Not accepting', /cannot be accepted/],
    ['the Processing Service is away', [[PROCESSING, broken]], 'Not readable', /cannot be shown/],
    ['a service does not answer', [[PROCESSING, silence]], 'Slow', /slow to answer/],
    [
      'both services are away',
      [
        [INGESTION, broken],
        [PROCESSING, broken],
      ],
      'Unreachable',
      /Last answer: 15 Jan 2024/,
    ],
  ] as [string, [string, Answer][], string, RegExp][])(
    'is bad within two seconds when %s, and good within two after',
    async (_name, answers, expected, explained) => {
      await draw();
      for (const [at, how] of answers) answer(at, how);
      await seconds(2);
      expect(word()).toContain(expected);
      expect(screen.getByRole('status').textContent).toMatch(explained);
      for (const [at] of answers) answer(at, health(true));
      // A request that hangs is given up first.
      await seconds(expected === 'Slow' ? 6 : 2);
      expect(word()).toContain('Healthy');
    },
  );

  it('names dead letters within two seconds', async () => {
    await draw();
    page.environment.services.pipeline = { ...page.environment.services.pipeline, dead_letters: 1 };
    await seconds(2);
    expect(word()).toContain('Dead letters');
  });

  it('is not asked for by a page that is not visible, and at once when it is again', async () => {
    await draw();
    page.environment.setVisible(false);
    await seconds(2);
    const before = page.environment.services.requests(PROCESSING).length;
    await seconds(10);
    expect(page.environment.services.requests(PROCESSING)).toHaveLength(before);
    page.environment.setVisible(true);
    await seconds(0);
    expect(page.environment.services.requests(PROCESSING)).toHaveLength(before + 1);
  });
});
