import { describe, expect, it } from 'vitest';
import type { RequestFailure } from '../api/request-failure';
import { t } from '../testing/texts';
import { failureText, fieldErrorText } from './failure-text';

const status = (change: Partial<Extract<RequestFailure, { kind: 'errorStatus' }>>): RequestFailure => ({
  kind: 'errorStatus',
  status: 500,
  code: null,
  detail: null,
  retryAfterSeconds: null,
  requestId: null,
  ...change,
});

describe('why a request failed', () => {
  it('is told in words, with the time to try again and the id of the request', () => {
    expect(failureText(t, status({ status: 503, detail: 'Redis is loading', retryAfterSeconds: 1 }))).toBe(
      'The server cannot do this right now. Try again in 1 second.',
    );
    expect(failureText(t, status({ detail: 'Internal Server Error', requestId: 'a1b2' }))).toBe(
      'The server answered with an error (500: Internal Server Error). Request id: a1b2',
    );
    expect(failureText(t, status({}))).toBe('The server answered with an error (500).');
  });

  it('does not say that nothing happened where that is not known', () => {
    expect(failureText(t, status({ status: 503, code: 'outcome_unknown' }))).toBe(
      'The server did not answer in time.',
    );
  });

  it('names the scope that a key lacks', () => {
    const failure: RequestFailure = { kind: 'keyRejected', code: 'scope_missing', scope: 'write' };
    expect(failureText(t, failure)).toBe('This API key lacks the scope “write”.');
  });

  it('lists what is invalid', () => {
    const failure: RequestFailure = {
      kind: 'invalid',
      fields: { site_id: [{ type: 'missing' }] },
      form: [{ type: 'json_invalid', msg: 'JSON decode error' }],
    };
    expect(failureText(t, failure)).toBe(
      'Enter the name of the site. The server rejects this: JSON decode error',
    );
  });
});

describe('what is wrong with a field', () => {
  it('is told in words of the form, not of a validator', () => {
    const tooShort = { type: 'string_too_short', msg: 'String should have at least 1 character' };
    expect(fieldErrorText(t, 'device_id', tooShort)).toBe('Enter the name of the device.');
    const negative = { type: 'greater_than_equal', ctx: { ge: 0 } };
    expect(fieldErrorText(t, 'power_reading', negative)).toBe('The power cannot be less than 0 W.');
    const long = { type: 'string_too_long', ctx: { max_length: 256 } };
    expect(fieldErrorText(t, 'site_id', long)).toContain('at most 256 bytes');
  });

  it('is the rule of the server where the page has no words for it', () => {
    expect(fieldErrorText(t, 'timestamp', { type: 'value_error', msg: 'no year 0' })).toBe(
      'The server rejects this: no year 0',
    );
  });
});
