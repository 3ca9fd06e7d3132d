import { type Signal, useSignal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import { describeKeyRejection, type KeyRejectionCode, type Scope } from '../../api/key-rejection';
import { Card } from '../../ui/Card';
import { Notice, Sign } from '../../ui/Notice';
import { hasKey, rememberKey } from './key-state';
import { keyIn } from './key-text';

interface Rejection {
  code: KeyRejectionCode;
  scope: Scope;
}

interface ApiKeyCardProps {
  /** Another object for each response. */
  rejection: Rejection | null;
  onKey: () => void;
  /** Sending a reading is optional: its rejection can be put aside. */
  onDismiss: () => void;
}

const TITLE = 'This server needs an API key';

/** Asks for a key while requests are rejected for want of one, and disappears when they are not. */
export function ApiKeyCard({ rejection, onKey, onDismiss }: ApiKeyCardProps) {
  const input = useRef<HTMLInputElement>(null);
  /** The rejection that a key was entered for, until its response arrives. */
  const entered = useSignal<Rejection | null>(null);
  const isAccepted = useSignal(false);
  useEffect(() => {
    isAccepted.value = entered.value !== null && rejection === null;
    if (entered.value === null || entered.value === rejection) return;
    entered.value = null;
    // The field that had the focus is gone, or has to be filled in once more.
    (rejection === null ? document.getElementById('main') : input.current)?.focus();
  }, [rejection]);

  const isChecking = rejection !== null && entered.value === rejection;
  return (
    <>
      {/* There before its text is: only then a screen reader announces it. */}
      <div role="status" class="visually-hidden">
        {isAccepted.value && 'The API key is accepted.'}
        {isChecking && 'Checking the API key.'}
        {rejection !== null && !isChecking && describeKeyRejection(rejection.code, rejection.scope)}
      </div>
      {rejection !== null && (
        <div class="banner">
          <Card name="api-key" title={TITLE}>
            {isChecking ? <Notice tone="plain">Checking…</Notice> : <Reason of={rejection} />}
            <KeyForm
              input={input}
              onEntered={() => {
                entered.value = rejection;
                onKey();
              }}
              onDismiss={rejection.scope === 'write' ? onDismiss : undefined}
            />
          </Card>
        </div>
      )}
    </>
  );
}

function Reason({ of: { code, scope } }: { of: Rejection }) {
  return (
    <Notice tone={code === 'api_key_missing' ? 'plain' : 'bad'}>
      {code !== 'api_key_missing' && <strong>{describeKeyRejection(code, scope)} </strong>}
      Enter {hasKey.value ? 'another' : 'a'} key: its scope <code>read</code> shows sites and readings,{' '}
      <code>write</code> sends readings.
    </Notice>
  );
}

interface KeyFormProps {
  input: { current: HTMLInputElement | null };
  onEntered: () => void;
  onDismiss: (() => void) | undefined;
}

function KeyForm({ input, onEntered, onDismiss }: KeyFormProps) {
  const error = useSignal<string | null>(null);
  const isRemembered = useSignal(false);
  const submit = () => {
    const key = keyIn(input.current?.value ?? '');
    error.value = key === null ? 'A key has letters, digits and underscores, such as enp_….' : null;
    if (key === null || input.current === null) {
      input.current?.focus();
      return;
    }
    input.current.value = '';
    rememberKey({ key, isRemembered: isRemembered.value });
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
      <label for="api-key">API key</label>
      <div class="field-row">
        {/* Without a name it is in no request that the browser itself could send. */}
        <input
          id="api-key"
          ref={input}
          type="password"
          autocomplete="off"
          spellcheck={false}
          aria-invalid={error.value !== null}
          aria-describedby="api-key-error"
        />
        <button type="submit" class="button-main">
          Use the key
        </button>
        {onDismiss && (
          <button type="button" class="button-quiet" onClick={onDismiss}>
            Not now
          </button>
        )}
      </div>
      <div id="api-key-error" class="field-errors">
        {error.value !== null && (
          <p>
            <Sign tone="bad" /> {error.value}
          </p>
        )}
      </div>
      <Remember choice={isRemembered} />
    </form>
  );
}

function Remember({ choice }: { choice: Signal<boolean> }) {
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
        Remember it on this device <span class="hint">(otherwise until this tab is closed)</span>
      </span>
    </label>
  );
}
