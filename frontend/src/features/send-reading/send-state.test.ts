/** Sending, without a page: what reaches the service, and how often. */
import { type Signal, signal } from '@preact/signals';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createClient } from '../../api/client';
import { NOW } from '../../testing/fake-environment';
import { FakeServices, json, problem } from '../../testing/fake-services';
import { createDraftState, type DraftState } from './draft-state';
import { createSendState, type SendState } from './send-state';

const POST = 'POST /api/readings';

let services: FakeServices;
let now: Signal<number>;
let picked: Signal<string | null>;
let draft: DraftState;
let send: SendState;
let stored: string[];

beforeEach(() => {
  services = new FakeServices();
  now = signal(NOW);
  picked = signal<string | null>('house-01');
  draft = createDraftState({ pickedSite: picked, now, locale: signal('en-GB'), zone: 'UTC' });
  stored = [];
  send = createSendState({
    client: createClient({ fetch: services.fetch, key: () => null }),
    draft,
    onStored: (site) => stored.push(site),
    onFailed: () => {},
  });
  draft.device.value = 'meter';
  draft.power.value = '1500,55';
});

afterEach(() => draft.stop());

describe('a draft', () => {
  it('is sent as the reading that it shows', async () => {
    await send.send();
    expect(services.requests(POST)[0]?.body).toEqual({
      site_id: 'house-01',
      device_id: 'meter',
      power_reading: 1500.55,
      timestamp: '2024-01-15T10:30:00+00:00',
    });
  });

  it('is accepted once when it is sent twice, also when the clock has moved on', async () => {
    await send.send();
    now.value = NOW + 60_000;
    await send.send();
    expect(services.requests(POST)).toHaveLength(2);
    expect(services.accepted).toHaveLength(1);
    expect(send.outcome.value).toMatchObject({ phase: 'stored', isRepeat: true });
  });

  it('is sent once by a double click', async () => {
    await Promise.all([send.send(), send.send()]);
    expect(services.requests(POST)).toHaveLength(1);
  });

  it('is another reading when a field has changed, or on purpose', async () => {
    await send.send();
    draft.power.value = '1501';
    await send.send();
    send.startNew();
    draft.power.value = '1501';
    await send.send();
    expect(services.accepted).toHaveLength(3);
  });

  it('is the same reading after a response that leaves its outcome open', async () => {
    services.answer(POST, () => problem(503, 'outcome_unknown'));
    await send.send();
    await send.send();
    const [first, second] = services.requests(POST);
    expect(second?.headers.get('Idempotency-Key')).toBe(first?.headers.get('Idempotency-Key'));
    expect(second?.body).toEqual(first?.body);
  });

  it('has a key of its own after it was rejected', async () => {
    services.answer(POST, () => problem(400, 'malformed_request'));
    await send.send();
    await send.send();
    const keys = services.requests(POST).map(({ headers }) => headers.get('Idempotency-Key'));
    expect(new Set(keys).size).toBe(2);
  });

  it('is not sent with a text that is no number, or without a whole time', async () => {
    draft.power.value = '12abc';
    draft.time.setTime('2024-01');
    await send.send();
    expect(services.requests(POST)).toEqual([]);
    expect(send.fieldErrors.value).toEqual({
      power_reading: [{ type: 'decimal_invalid' }],
      timestamp: [{ type: 'time_incomplete' }],
    });
    send.forgetError('power_reading');
    expect(Object.keys(send.fieldErrors.value)).toEqual(['timestamp']);
  });

  it('follows the picked site, until another one is typed', () => {
    draft.setSite('typed');
    expect(draft.site.value).toBe('typed');
    picked.value = 'house-05';
    expect(draft.site.value).toBe('house-05');
  });
});

describe('an accepted reading', () => {
  it('is looked for in its own second and device only', async () => {
    await send.send();
    const [request] = services.requests('GET /api/sites/house-01/readings');
    expect(Object.fromEntries(request?.query ?? [])).toEqual({
      device_id: 'meter',
      start: '2024-01-15T10:30:00.000Z',
      end: '2024-01-15T10:30:01.000Z',
      limit: '100',
      order: 'desc',
    });
    expect(stored).toEqual(['house-01']);
  });

  it('is not called stored before it is', async () => {
    let isThere = false;
    services.answer('GET /api/sites/house-01/readings', () =>
      json({ site_id: 'house-01', readings: isThere ? services.accepted : [] }),
    );
    const sent = send.send();
    await expect.poll(() => send.outcome.value.phase).toBe('accepted');
    isThere = true;
    await sent;
    expect(send.outcome.value.phase).toBe('stored');
  });

  it('says that its storing is not shown, to a key that does not read', async () => {
    services.answer('GET /api/sites/house-01/readings', () => problem(403, 'scope_missing'));
    await send.send();
    expect(send.outcome.value).toMatchObject({ phase: 'unread', failure: { kind: 'keyRejected' } });
  });
});
