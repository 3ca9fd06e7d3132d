import { type Signal, useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { useApp, useText } from '../../app/app-context';
import { Sign } from '../../ui/Notice';
import { keyIn } from './key-text';

interface KeyFormProps {
  input: { current: HTMLInputElement | null };
  onEntered: () => void;
  onDismiss: (() => void) | undefined;
}

/** A key, and whether this browser remembers it. */
export function KeyForm({ input, onEntered, onDismiss }: KeyFormProps) {
  const { key: state } = useApp();
  const { t } = useText();
  const isMalformed = useSignal(false);
  const isRemembered = useSignal(false);
  const isWanted = state.isFieldWanted.value;
  useEffect(() => {
    if (!isWanted) return;
    state.isFieldWanted.value = false;
    input.current?.focus();
  }, [isWanted]);
  const submit = () => {
    const key = keyIn(input.current?.value ?? '');
    isMalformed.value = key === null;
    if (key === null || input.current === null) {
      input.current?.focus();
      return;
    }
    input.current.value = '';
    state.remember({ key, isRemembered: isRemembered.value });
    onEntered();
  };
  return (
    <form
      class="key-form"
      noValidate
      onSubmit={(event) => {
        event.preventDefault();
        submit();
      }}
    >
      <label for="api-key">{t('key.label')}</label>
      <div class="field-row">
        {/* Without a name it is in no request that the browser itself could send. */}
        <input
          id="api-key"
          ref={input}
          type="password"
          autocomplete="off"
          spellcheck={false}
          aria-invalid={isMalformed.value}
          aria-describedby="api-key-error"
        />
        <button type="submit" class="button-main">
          {t('key.use')}
        </button>
        {onDismiss && (
          <button type="button" class="button-quiet" onClick={onDismiss}>
            {t('key.notNow')}
          </button>
        )}
      </div>
      <div id="api-key-error" class="field-errors">
        {isMalformed.value && (
          <p>
            <Sign tone="bad" /> {t('key.malformed')}
          </p>
        )}
      </div>
      <Remember choice={isRemembered} />
    </form>
  );
}

function Remember({ choice }: { choice: Signal<boolean> }) {
  const { t } = useText();
  return (
    <label class="choice">
      <input
        type="checkbox"
        checked={choice.value}
        onChange={(event) => {
          choice.value = event.currentTarget.checked;
        }}
      />
      <span>
        {t('key.remember')} <span class="hint">{t('key.rememberElse')}</span>
      </span>
    </label>
  );
}
