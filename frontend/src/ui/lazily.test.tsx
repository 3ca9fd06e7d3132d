import { fireEvent, screen } from '@testing-library/preact';
import { describe, expect, it } from 'vitest';
import { renderInApp } from '../testing/render';
import { ErrorCard } from './ErrorCard';
import { lazily } from './lazily';

const Part = ({ name }: { name: string }) => <p>{`the part ${name}`}</p>;

describe('a part that is loaded when it is shown', () => {
  it('is not loaded before, and once only', async () => {
    let loads = 0;
    const Lazy = lazily(async () => {
      loads++;
      return Part;
    });
    expect(loads).toBe(0);
    await renderInApp(<Lazy name="a" />);
    await screen.findByText('the part a');
    await renderInApp(<Lazy name="b" />);
    expect(screen.getByText('the part b')).toBeTruthy();
    expect(loads).toBe(1);
  });

  it('shows that it could not be loaded, and is loaded again when that is asked for', async () => {
    let isAway = true;
    const Lazy = lazily(async () => {
      if (isAway) throw new TypeError('Failed to fetch');
      return Part;
    });
    await renderInApp(
      <ErrorCard name="part">
        <Lazy name="a" />
      </ErrorCard>,
    );
    const retry = await screen.findByRole('button', { name: 'Show it again' });
    isAway = false;
    fireEvent.click(retry);
    await screen.findByText('the part a');
  });
});
