import { fireEvent, screen, waitFor } from '@testing-library/preact';
import { describe, expect, it } from 'vitest';
import { FakeEnvironment } from '../../testing/fake-environment';
import { json, problem, silence } from '../../testing/fake-services';
import { renderInApp } from '../../testing/render';
import { SendReading } from './SendReading';

const POST = 'POST /api/readings';
const field = (label: string) => screen.getByLabelText(label) as HTMLInputElement;
const type = (label: string, text: string) => fireEvent.input(field(label), { target: { value: text } });
const send = () => fireEvent.click(screen.getByRole('button', { name: 'Send' }));

function fill(): void {
  type('Site', 'house-01');
  type('Device', 'meter');
  type('Power (W)', '1500');
}

describe('the form', () => {
  it('shows the number that it will send', async () => {
    await renderInApp(<SendReading />);
    type('Power (W)', '1.500,55');
    expect(screen.getByText('1,500.55 W')).toBeTruthy();
    type('Power (W)', '12abc');
    expect(screen.queryByText(/W$/)).toBeNull();
  });

  it('reads a number as the language of the page writes it', async () => {
    const environment = new FakeEnvironment();
    environment.languages = ['de-DE'];
    await renderInApp(<SendReading />, environment);
    type('Leistung (W)', '1.500');
    expect(screen.getByText('1.500 W')).toBeTruthy();
  });

  it('says when the reading is stored, and links to its site', async () => {
    await renderInApp(<SendReading />);
    fill();
    send();
    await screen.findByText(/Stored after/);
    expect(screen.getByRole('link', { name: 'house-01' }).getAttribute('href')).toBe('/?site=house-01');
  });

  it('says that a reading is not sent twice, and begins another one', async () => {
    const { environment } = await renderInApp(<SendReading />);
    fill();
    send();
    await screen.findByText(/Stored after/);
    send();
    await screen.findByText(/It is not sent twice/);
    expect(environment.services.accepted).toHaveLength(1);
    fireEvent.click(screen.getByRole('button', { name: 'Another reading' }));
    expect(field('Power (W)').value).toBe('');
    expect(document.activeElement).toBe(field('Power (W)'));
  });

  it('puts errors beside their fields until these are corrected, and the focus into the first', async () => {
    const { environment } = await renderInApp(<SendReading />);
    fill();
    environment.services.answer(POST, () =>
      json(
        {
          detail: [
            { type: 'string_too_short', loc: ['body', 'device_id'], msg: 'too short', input: '' },
            {
              type: 'greater_than_equal',
              loc: ['body', 'power_reading'],
              msg: '>= 0',
              input: -1,
              ctx: { ge: 0 },
            },
          ],
        },
        422,
      ),
    );
    send();
    await screen.findByText('Enter the name of the device.');
    await waitFor(() => expect(document.activeElement).toBe(field('Device')));
    expect(field('Power (W)').getAttribute('aria-invalid')).toBe('true');
    type('Power (W)', '1');
    expect(field('Power (W)').getAttribute('aria-invalid')).toBe('false');
    expect(screen.getByText('Enter the name of the device.')).toBeTruthy();
  });

  it('says that sending again is safe when the outcome is not known', async () => {
    const { environment } = await renderInApp(<SendReading />);
    fill();
    environment.services.answer(POST, () => problem(503, 'outcome_unknown', 'slow', { 'Retry-After': '1' }));
    send();
    await screen.findByText(/it is stored only once/);
    expect(screen.getByText(/Try again in 1 second/)).toBeTruthy();
  });

  it('cannot be sent while it is being sent', async () => {
    const { environment } = await renderInApp(<SendReading />);
    fill();
    environment.services.answer(POST, silence);
    send();
    await screen.findByText('Sending…');
    send();
    expect(environment.services.requests(POST)).toHaveLength(1);
  });

  it('shows the instant of the time, and holds the clock while the field has the focus', async () => {
    await renderInApp(<SendReading />);
    const time = screen.getByLabelText(/^Time/) as HTMLInputElement;
    expect(screen.getByText('2024-01-15 10:30:00 UTC')).toBeTruthy();
    fireEvent.focus(time);
    expect(screen.getByRole('button', { name: 'Now' }).getAttribute('aria-pressed')).toBe('false');
    fireEvent.blur(time);
    expect(screen.getByRole('button', { name: 'Now' }).getAttribute('aria-pressed')).toBe('true');
    fireEvent.input(time, { target: { value: '' } });
    expect(screen.getByText('Not a complete time yet.')).toBeTruthy();
  });
});
