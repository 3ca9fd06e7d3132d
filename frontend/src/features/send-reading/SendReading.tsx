import { useEffect, useRef } from 'preact/hooks';
import { useApp, useText } from '../../app/app-context';
import { Card } from '../../ui/Card';
import { DeviceField, PowerField, SiteField } from './fields';
import { SendResult } from './SendResult';
import { TimeField } from './TimeField';

export function SendReading() {
  const { send } = useApp();
  const { t } = useText();
  const form = useRef<HTMLFormElement>(null);
  const { value: outcome } = send.outcome;
  useEffect(() => {
    // Only after a request, not while an error is being corrected.
    if (outcome.phase === 'failed')
      form.current?.querySelector<HTMLInputElement>('[aria-invalid="true"]')?.focus();
  }, [outcome]);

  return (
    <Card name="send" title={t('send.title')}>
      {/* Above the fields: below them it would be out of sight on most screens. */}
      <SendResult
        onNew={() => {
          send.startNew();
          form.current?.querySelector<HTMLInputElement>('#power_reading')?.focus();
        }}
      />
      <form
        ref={form}
        noValidate
        onSubmit={(event) => {
          event.preventDefault();
          void send.send();
        }}
      >
        <SiteField />
        <DeviceField />
        <PowerField />
        <TimeField />
        <div class="send-actions">
          <button type="submit" class="button-main" aria-disabled={outcome.phase === 'sending'}>
            {t('send.send')}
          </button>
        </div>
      </form>
    </Card>
  );
}
