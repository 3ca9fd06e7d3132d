import { useSignal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import type { FieldErrors } from '../../api/request-failure';
import type { NewReading } from '../../api/types';
import { LOCAL_ZONE, toOffsetIso } from '../../lib/local-time';
import { Card } from '../../ui/Card';
import { site as pickedSite } from '../../view';
import { Field } from './Field';
import { SendResult } from './SendResult';
import { failWith, outcome, send } from './send-state';
import { TimeField } from './TimeField';
import { instant } from './time-draft';

const NO_ERRORS: FieldErrors = {};

export function SendReading({ onStored }: { onStored: (site: string) => void }) {
  const form = useRef<HTMLFormElement>(null);
  const errors = fieldErrors();
  useEffect(() => {
    form.current?.querySelector<HTMLInputElement>('[aria-invalid="true"]')?.focus();
  }, [errors]);

  return (
    <Card name="send" title="Send a reading">
      <form
        ref={form}
        noValidate
        onSubmit={(event) => {
          event.preventDefault();
          void submit(event.currentTarget, onStored);
        }}
      >
        <Fields errors={errors} />
        <button type="submit" class="button-main" aria-disabled={isSending()}>
          Send
        </button>
      </form>
      <SendResult />
    </Card>
  );
}

function Fields({ errors }: { errors: FieldErrors }) {
  /** Null until a site is typed: the picked one is the default. */
  const typedSite = useSignal<string | null>(null);
  return (
    <>
      <Field
        name="site_id"
        label="Site"
        errors={errors.site_id}
        input={{
          dir: 'auto',
          spellcheck: false,
          value: typedSite.value ?? pickedSite.value ?? '',
          onInput: (event) => {
            typedSite.value = event.currentTarget.value;
          },
        }}
      />
      <Field
        name="device_id"
        label="Device"
        errors={errors.device_id}
        input={{ dir: 'auto', spellcheck: false }}
      />
      <Field
        name="power_reading"
        label="Power (W)"
        errors={errors.power_reading}
        input={{ type: 'number', inputMode: 'decimal', step: 'any', min: 0 }}
      />
      <TimeField errors={errors.timestamp} />
    </>
  );
}

function isSending(): boolean {
  return outcome.value.phase === 'sending';
}

function fieldErrors(): FieldErrors {
  const last = outcome.value;
  return last.phase === 'failed' && last.failure.kind === 'invalid' ? last.failure.fields : NO_ERRORS;
}

/** The server validates every field; only a number field with invalid text has no value to send. */
async function submit(form: HTMLFormElement, onStored: (site: string) => void): Promise<void> {
  if (isSending()) return;
  const power = form.elements.namedItem('power_reading') as HTMLInputElement;
  if (power.validity.badInput) {
    failWith({ kind: 'invalid', fields: { power_reading: ['This is not a number.'] }, form: [] });
    return;
  }
  const reading = readingOf(new FormData(form));
  if (await send(reading)) onStored(reading.site_id);
}

function readingOf(fields: FormData): NewReading {
  const text = (name: string) => String(fields.get(name) ?? '');
  const reading: NewReading = { site_id: text('site_id'), device_id: text('device_id') };
  const power = text('power_reading');
  // JSON has no infinity: a number that overflows is sent as the text that was typed, and the server rejects it.
  if (power !== '') reading.power_reading = Number.isFinite(Number(power)) ? Number(power) : power;
  if (instant.value !== null) reading.timestamp = toOffsetIso(instant.value, LOCAL_ZONE);
  return reading;
}
