/** Why a request failed, in words for the user of the page. */
import type { FieldError, ReadingField, RequestFailure } from '../api/request-failure';
import type { MessageKey, Translate } from '../i18n/translation';

type ErrorStatus = Extract<RequestFailure, { kind: 'errorStatus' }>;

const STATUS_MESSAGES: Record<number, MessageKey> = {
  403: 'failure.forbidden',
  404: 'failure.notFound',
  413: 'failure.tooLarge',
  429: 'failure.tooMany',
  502: 'failure.noService',
  503: 'failure.unavailable',
  504: 'failure.noService',
};

/** One sentence or more. */
export function failureText(t: Translate, failure: RequestFailure): string {
  if (failure.kind === 'invalid') {
    const fields = Object.entries(failure.fields) as [ReadingField, FieldError[]][];
    const ofFields = fields.flatMap(([field, errors]) =>
      errors.map((error) => fieldErrorText(t, field, error)),
    );
    return [...ofFields, ...failure.form.map((error) => formErrorText(t, error))].join(' ');
  }
  if (failure.kind === 'noResponse') return t(`failure.${failure.reason}`);
  if (failure.kind === 'keyRejected') return keyRejectionText(t, failure);
  return errorStatusText(t, failure);
}

function errorStatusText(t: Translate, failure: ErrorStatus): string {
  const { status, code, retryAfterSeconds: seconds, requestId } = failure;
  const known = code === 'outcome_unknown' ? 'failure.outcomeUnknown' : STATUS_MESSAGES[status];
  return [
    known === undefined ? unknownStatusText(t, failure) : t(known),
    ...(seconds === null ? [] : [t('failure.retryAfter', { seconds })]),
    // The services log it: an operator finds the cause by it.
    ...(requestId === null ? [] : [t('failure.requestId', { id: requestId })]),
  ].join(' ');
}

function unknownStatusText(t: Translate, { status, detail }: ErrorStatus): string {
  return detail === null ? t('failure.status', { status }) : t('failure.statusDetail', { status, detail });
}

export function keyRejectionText(
  t: Translate,
  { code, scope }: Pick<Extract<RequestFailure, { kind: 'keyRejected' }>, 'code' | 'scope'>,
): string {
  return t(`key.${code}`, { scope });
}

/** Rules of the services (pydantic's names) and of this page, in the words of the form. */
const FIELD_MESSAGES: Record<string, MessageKey> = {
  string_too_long: 'field.tooLong',
  greater_than_equal: 'field.tooSmall',
  finite_number: 'field.tooLarge',
  decimal_too_large: 'field.tooLarge',
  decimal_invalid: 'field.notANumber',
  float_parsing: 'field.notANumber',
  float_type: 'field.notANumber',
  decimal_ambiguous: 'field.ambiguous',
  time_incomplete: 'field.timeIncomplete',
};
const MISSING = new Set(['missing', 'string_too_short']);

export function fieldErrorText(t: Translate, field: ReadingField, { type, msg, ctx }: FieldError): string {
  if (MISSING.has(type)) return t(`field.missing.${field}`);
  const known = FIELD_MESSAGES[type];
  if (known === undefined) return t('field.rejected', { rule: msg ?? type });
  const bounds = Object.entries(ctx ?? {}).filter(
    (entry): entry is [string, string | number] =>
      typeof entry[1] === 'number' || typeof entry[1] === 'string',
  );
  return t(known, Object.fromEntries(bounds));
}

export function formErrorText(t: Translate, { type, msg }: FieldError): string {
  return t('field.rejected', { rule: msg ?? type });
}
