import { formatUtc, LOCAL_ZONE, offsetAt, offsetText, toOffsetIso } from '../../lib/local-time';
import { Field } from './Field';
import {
  field,
  instant,
  isNow,
  laterOccurrence,
  localTime,
  pauseClock,
  resumeClock,
  setNow,
  setTime,
} from './time-draft';

/** The time as the person's own clock shows it, beside the instant that this is. */
export function TimeField({ errors }: { errors: string[] | undefined }) {
  return (
    <Field
      name="timestamp"
      label={`Time (${LOCAL_ZONE})`}
      errors={errors}
      hint={<Meaning />}
      button={
        <button type="button" class="button-quiet button-small" aria-pressed={isNow.value} onClick={setNow}>
          Now
        </button>
      }
      input={{
        type: 'datetime-local',
        step: 1,
        value: field.value,
        onInput: (event) => setTime(event.currentTarget.value),
        onFocus: pauseClock,
        onBlur: resumeClock,
      }}
    />
  );
}

function Meaning() {
  if (instant.value === null) return <p>Not a complete time yet.</p>;
  return (
    <>
      <p>
        = <output class="utc">{formatUtc(instant.value)}</output>
      </p>
      {localTime.value?.kind === 'skipped' && (
        <p>
          The clocks skipped this time; <code>{toOffsetIso(instant.value, LOCAL_ZONE)}</code> is sent.
        </p>
      )}
      {localTime.value?.kind === 'repeated' && <OccurrencePicker />}
    </>
  );
}

function OccurrencePicker() {
  const time = localTime.value;
  if (time?.kind !== 'repeated') return null;
  const choices = [
    { label: 'first', instant: time.first, isLater: false },
    { label: 'second', instant: time.second, isLater: true },
  ];
  return (
    <fieldset class="occurrence">
      <legend>The clocks were set back, this time came twice:</legend>
      {choices.map(({ label, instant, isLater }) => (
        <label key={label}>
          <input
            type="radio"
            name="occurrence"
            checked={laterOccurrence.value === isLater}
            onChange={() => {
              laterOccurrence.value = isLater;
            }}
          />
          the {label} ({offsetText(offsetAt(instant, LOCAL_ZONE))})
        </label>
      ))}
    </fieldset>
  );
}
