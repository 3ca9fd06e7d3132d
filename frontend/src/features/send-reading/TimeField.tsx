import { useApp, useText } from '../../app/app-context';
import { LOCAL_ZONE, offsetAt, offsetText, toOffsetIso } from '../../lib/local-time';
import { Field } from './Field';

/** The time as the person's own clock shows it, beside the instant that this is. */
export function TimeField() {
  const { draft, send } = useApp();
  const { t } = useText();
  const { time } = draft;
  return (
    <Field
      name="timestamp"
      label={t('send.time', { zone: LOCAL_ZONE })}
      hint={<Meaning />}
      button={
        <button
          type="button"
          class="button-quiet button-small"
          aria-pressed={time.isNow.value}
          onClick={time.setNow}
        >
          {t('send.now')}
        </button>
      }
      input={{
        type: 'datetime-local',
        step: 1,
        value: time.field.value,
        onInput: (event) => {
          time.setTime(event.currentTarget.value);
          send.forgetError('timestamp');
        },
        onFocus: time.pauseClock,
        onBlur: time.resumeClock,
      }}
    />
  );
}

function Meaning() {
  const { time } = useApp().draft;
  const { t, formats } = useText();
  const instant = time.instant.value;
  if (instant === null) return <p>{t('field.timeIncomplete')}</p>;
  return (
    <>
      <p>
        = <output class="utc">{formats.utc(instant)}</output>
      </p>
      {time.localTime.value?.kind === 'skipped' && (
        <p>{t('send.skipped', { time: toOffsetIso(instant, LOCAL_ZONE) })}</p>
      )}
      {time.localTime.value?.kind === 'repeated' && <OccurrencePicker />}
    </>
  );
}

function OccurrencePicker() {
  const { time } = useApp().draft;
  const { t } = useText();
  const { value: local } = time.localTime;
  if (local?.kind !== 'repeated') return null;
  const choices = [
    { message: 'send.first', instant: local.first, isLater: false },
    { message: 'send.second', instant: local.second, isLater: true },
  ] as const;
  return (
    <fieldset class="occurrence">
      <legend>{t('send.repeated')}</legend>
      {choices.map(({ message, instant, isLater }) => (
        <label key={message}>
          <input
            type="radio"
            name="occurrence"
            checked={time.isLaterOccurrence.value === isLater}
            onChange={() => time.setLaterOccurrence(isLater)}
          />
          {t(message, { offset: offsetText(offsetAt(instant, LOCAL_ZONE)) })}
        </label>
      ))}
    </fieldset>
  );
}
