import { useApp, useText } from '../../app/app-context';
import { Field } from './Field';

export function SiteField() {
  const { draft, send } = useApp();
  const { t } = useText();
  return (
    <Field
      name="site_id"
      label={t('send.site')}
      input={{
        dir: 'auto',
        spellcheck: false,
        value: draft.site.value,
        onInput: (event) => {
          draft.setSite(event.currentTarget.value);
          send.forgetError('site_id');
        },
      }}
    />
  );
}

export function DeviceField() {
  const { draft, send } = useApp();
  const { t } = useText();
  return (
    <Field
      name="device_id"
      label={t('send.device')}
      input={{
        dir: 'auto',
        spellcheck: false,
        value: draft.device.value,
        onInput: (event) => {
          draft.device.value = event.currentTarget.value;
          send.forgetError('device_id');
        },
      }}
    />
  );
}

/** A text field: a number field drops what its browser's language does not write, without a word. */
export function PowerField() {
  const { draft, send } = useApp();
  const { t } = useText();
  return (
    <Field
      name="power_reading"
      label={t('send.power')}
      hint={<Meaning />}
      input={{
        inputMode: 'decimal',
        value: draft.power.value,
        onInput: (event) => {
          draft.power.value = event.currentTarget.value;
          send.forgetError('power_reading');
        },
      }}
    />
  );
}

/** What will be sent, as soon as that is a number. */
function Meaning() {
  const { draft } = useApp();
  const { formats } = useText();
  const { value: decimal } = draft.decimal;
  if (decimal.kind !== 'number') return null;
  return (
    <p>
      = <output class="number">{formats.exactPower(decimal.value)} W</output>
    </p>
  );
}
