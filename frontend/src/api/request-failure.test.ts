import { describe, expect, it } from 'vitest';
import {
  failureFromResponse,
  invalid,
  isOutcomeUnknown,
  retryAfter,
  toRequestFailure,
} from './request-failure';

function response(status: number, body: unknown, headers: Record<string, string> = {}): Response {
  return new Response(typeof body === 'string' ? body : JSON.stringify(body), { status, headers });
}

describe('a 422', () => {
  it('puts each error beside its field, several to one field if need be', () => {
    const errors = [
      { type: 'missing', loc: ['body', 'site_id'], msg: 'Field required' },
      { type: 'value_error', loc: ['body', 'timestamp'], msg: 'first' },
      { type: 'value_error', loc: ['body', 'timestamp'], msg: 'second' },
    ];
    expect(invalid(errors)).toEqual({
      kind: 'invalid',
      fields: {
        site_id: [{ type: 'missing', msg: 'Field required' }],
        timestamp: [
          { type: 'value_error', msg: 'first' },
          { type: 'value_error', msg: 'second' },
        ],
      },
      form: [],
    });
  });

  it('says what belongs to no field of the form for the form as a whole', () => {
    const errors = [
      { type: 'json_invalid', loc: ['body', 11], msg: 'JSON decode error' },
      { type: 'missing', loc: ['body'], msg: 'Field required' },
      { type: 'value_error', loc: ['query', 'site_id'], msg: 'not a field' },
      { type: 'extra', loc: ['body', '__proto__'], msg: 'unknown member' },
    ];
    expect(invalid(errors)).toEqual({
      kind: 'invalid',
      fields: {},
      form: errors.map(({ type, msg }) => ({ type, msg })),
    });
  });

  it('is an ordinary error status when its detail is not a list', async () => {
    const failure = await failureFromResponse(response(422, { detail: 'no' }), 'read');
    expect(failure).toMatchObject({ kind: 'errorStatus', status: 422, detail: 'no' });
  });
});

describe('any other status', () => {
  it('says when to try again', async () => {
    const failure = await failureFromResponse(
      response(503, { detail: 'Redis is loading' }, { 'Retry-After': '5' }),
      'read',
    );
    expect(failure).toMatchObject({ status: 503, retryAfterSeconds: 5 });
  });

  it('names the request, whose id the services log', async () => {
    const failure = await failureFromResponse(
      response(500, { detail: 'Internal Server Error', code: 'internal_error', request_id: 'a1b2' }),
      'read',
    );
    expect(failure).toMatchObject({ code: 'internal_error', requestId: 'a1b2' });
  });

  it('copes with a body that is not JSON, as a proxy may send', async () => {
    const failure = await failureFromResponse(response(502, '<html>Bad Gateway</html>'), 'read');
    expect(failure).toMatchObject({ status: 502, code: null, detail: null });
  });

  it('takes Retry-After in seconds and as a date', () => {
    const now = Date.UTC(2024, 0, 15, 10, 30);
    expect(retryAfter('120', now)).toBe(120);
    expect(retryAfter('Mon, 15 Jan 2024 10:30:07 GMT', now)).toBe(7);
    expect(retryAfter('Mon, 15 Jan 2024 10:00:00 GMT', now)).toBe(0);
    expect(retryAfter('soon', now)).toBeNull();
    expect(retryAfter(null, now)).toBeNull();
  });
});

describe('a request without a valid API key', () => {
  const rejected = (status: number, code: string, scope: 'read' | 'write' = 'read') =>
    failureFromResponse(response(status, { detail: 'the key gateway-7', code, request_id: 'a1b2' }), scope);

  it('says what the key lacks', async () => {
    for (const [status, code] of [
      [401, 'api_key_missing'],
      [401, 'api_key_invalid'],
      [401, 'api_key_expired'],
      [403, 'scope_missing'],
      [403, 'site_forbidden'],
    ] as const) {
      const failure = await rejected(status, code, 'write');
      expect(failure).toEqual({ kind: 'keyRejected', code, scope: 'write' });
    }
  });

  it('is not any 401 or 403: that of a proxy, and of another origin, is not about a key', async () => {
    const proxy = await failureFromResponse(response(401, '<html>Log in</html>'), 'read');
    expect(proxy).toMatchObject({ kind: 'errorStatus', status: 401 });
    expect(await rejected(403, 'cross_origin_forbidden')).toMatchObject({ kind: 'errorStatus' });
    expect(await rejected(403, 'toString')).toMatchObject({ kind: 'errorStatus' });
    expect(await rejected(500, 'api_key_missing')).toMatchObject({ kind: 'errorStatus' });
  });
});

describe('no response', () => {
  it('tells a broken connection from a slow service', () => {
    expect(toRequestFailure(new TypeError('Failed to fetch'))).toMatchObject({ reason: 'unreachable' });
    expect(toRequestFailure(new DOMException('', 'TimeoutError'))).toMatchObject({ reason: 'timeout' });
    expect(toRequestFailure(new SyntaxError('cut off'))).toMatchObject({ reason: 'malformed' });
  });

  it('throws an aborted request again', () => {
    const abort = new DOMException('', 'AbortError');
    expect(() => toRequestFailure(abort)).toThrow(abort);
  });
});

describe('whether the service may have done what was asked', () => {
  it('is not known without a response, or when the response says so', async () => {
    const unknown = await failureFromResponse(response(503, { code: 'outcome_unknown' }), 'write');
    const gateway = await failureFromResponse(response(504, ''), 'write');
    const broken = toRequestFailure(new TypeError('Failed to fetch'));
    expect([unknown, gateway, broken].map(isOutcomeUnknown)).toEqual([true, true, true]);
  });

  it('is known of a request that was rejected', async () => {
    const busy = await failureFromResponse(response(503, { code: 'store_unavailable' }), 'write');
    expect([busy, invalid([])].map(isOutcomeUnknown)).toEqual([false, false]);
  });
});
