import { useSignal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import { useApp, useText } from '../../app/app-context';
import type { KeyRejection } from '../../app/key-rejection-state';
import { Card } from '../../ui/Card';
import { keyRejectionText } from '../../ui/failure-text';
import { lazily } from '../../ui/lazily';
import { Notice } from '../../ui/Notice';
import { Rich } from '../../ui/Rich';

// Most servers of a household need no key.
const KeyForm = lazily(async () => (await import('./KeyForm')).KeyForm);

/** Asks for a key while requests are rejected for want of one, and disappears when they are not. */
export function ApiKeyCard() {
  const { keyRejection, send } = useApp();
  const { t } = useText();
  const rejection = keyRejection.rejection.value;
  const input = useRef<HTMLInputElement>(null);
  /** The rejection that a key was entered for, until its response arrives. */
  const entered = useSignal<KeyRejection | null>(null);
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
        {isAccepted.value && t('key.accepted')}
        {isChecking && t('key.checking')}
        {rejection !== null && !isChecking && keyRejectionText(t, rejection)}
      </div>
      {rejection !== null && (
        <div class="banner">
          <Card name="api-key" title={t('key.title')}>
            {isChecking ? <Notice tone="plain">{t('key.checking')}</Notice> : <Reason of={rejection} />}
            <KeyForm
              input={input}
              onEntered={() => {
                entered.value = rejection;
                keyRejection.retry();
              }}
              // Sending a reading is optional: its rejection can be put aside.
              onDismiss={rejection.scope === 'write' ? send.forgetKeyRejection : undefined}
            />
          </Card>
        </div>
      )}
    </>
  );
}

function Reason({ of }: { of: KeyRejection }) {
  const { key } = useApp();
  const { t } = useText();
  const isMissing = of.code === 'api_key_missing';
  const scopes = { read: <code>read</code>, write: <code>write</code> };
  return (
    <Notice tone={isMissing ? 'plain' : 'bad'}>
      {!isMissing && <strong>{keyRejectionText(t, of)} </strong>}
      <Rich message={key.hasKey.value ? 'key.enterAnother' : 'key.enter'} parts={scopes} />
    </Notice>
  );
}
