import { useSignal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import type { StoredReading } from '../../api/types';
import { useApp, useText } from '../../app/app-context';
import { failureText } from '../../ui/failure-text';
import { Notice } from '../../ui/Notice';

/** Deletes a reading, such as one of a wrong power that flattens the chart; after a question only. */
export function RemoveReading({ reading }: { reading: StoredReading }) {
  const { t } = useText();
  const isAsking = useSignal(false);
  if (isAsking.value) return <Confirmation reading={reading} onEnd={() => (isAsking.value = false)} />;
  return (
    <button
      type="button"
      class="button-quiet button-small"
      aria-label={t('readings.deleteOf', { id: reading.stream_id })}
      onClick={() => {
        isAsking.value = true;
      }}
    >
      {t('readings.delete')}
    </button>
  );
}

interface ConfirmationProps {
  reading: StoredReading;
  onEnd(): void;
}

/** In place of the button, with the focus on what changes nothing. */
function Confirmation({ reading, onEnd }: ConfirmationProps) {
  const { removal } = useApp().site;
  const { t } = useText();
  const keep = useRef<HTMLButtonElement>(null);
  useEffect(() => keep.current?.focus(), []);
  return (
    // biome-ignore lint/a11y/useSemanticElements: a fieldset is for forms
    <div class="actions" role="group" aria-label={t('readings.confirm')}>
      <span>{t('readings.confirm')}</span>
      <button ref={keep} type="button" class="button-quiet button-small" onClick={onEnd}>
        {t('readings.keep')}
      </button>
      <button
        type="button"
        class="button-danger button-small"
        aria-label={t('readings.deleteOf', { id: reading.stream_id })}
        onClick={() => void removal.remove(reading).then(onEnd)}
      >
        {t('readings.delete')}
      </button>
    </div>
  );
}

/** What has become of the last one; announced by screen readers. */
export function RemovalResult() {
  const { last } = useApp().site.removal;
  const { t } = useText();
  const removal = last.value;
  return (
    <div role="status">
      {removal !== null && (
        <Notice tone={removal.failure === null ? 'good' : 'bad'}>
          {removal.failure === null
            ? t('readings.deleted', { id: removal.id })
            : `${t('readings.notDeleted', { id: removal.id })} ${failureText(t, removal.failure)}`}
        </Notice>
      )}
    </div>
  );
}
