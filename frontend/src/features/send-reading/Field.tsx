import type { ComponentChildren, InputHTMLAttributes } from 'preact';
import type { ReadingField } from '../../api/request-failure';
import { useApp, useText } from '../../app/app-context';
import { fieldErrorText } from '../../ui/failure-text';
import { Sign } from '../../ui/Notice';

interface FieldProps {
  name: ReadingField;
  label: string;
  /** Stands beside the label. */
  button?: ComponentChildren;
  hint?: ComponentChildren;
  input: InputHTMLAttributes<HTMLInputElement>;
}

/** An input with its label, and below it what is wrong with it and what it means. */
export function Field({ name, label, button, hint, input }: FieldProps) {
  const { send } = useApp();
  const { t } = useText();
  const errors = (send.fieldErrors.value[name] ?? []).map((error) => fieldErrorText(t, name, error));
  const [errorId, hintId] = [`${name}-error`, `${name}-hint`];
  return (
    <div class="field">
      <div class="field-head">
        <label for={name}>{label}</label>
        {button}
      </div>
      <input
        id={name}
        name={name}
        autocomplete="off"
        aria-invalid={errors.length > 0}
        aria-describedby={`${errorId} ${hintId}`}
        {...input}
      />
      <div id={errorId} class="field-errors">
        {errors.map((error) => (
          <p key={error}>
            <Sign tone="bad" /> {error}
          </p>
        ))}
      </div>
      <div id={hintId} class="hint">
        {hint}
      </div>
    </div>
  );
}
