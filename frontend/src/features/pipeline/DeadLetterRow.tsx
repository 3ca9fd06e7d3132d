import { useSignal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import type { DeadLetter } from '../../api/types';
import { useApp, useText } from '../../app/app-context';
import type { Translate } from '../../i18n/translation';
import { parseInstant } from '../../lib/instant';
import { LOCAL_ZONE } from '../../lib/local-time';
import { receiverName } from './receiver-name';

export function DeadLetterRow({ letter }: { letter: DeadLetter }) {
  const { t, formats } = useText();
  return (
    <tr>
      <td class="time">
        {formats.time(parseInstant(letter.time), LOCAL_ZONE)}
        <br />
        <code>{letter.id}</code>
      </td>
      <td class="prose">
        {letter.reason} <span class="hint">{originOf(letter, t)}</span>
      </td>
      <td class="prose">
        {letter.fields.map(({ name, value }) => (
          <p key={name}>
            <code>
              {name}: {value}
            </code>
          </p>
        ))}
      </td>
      <td>
        <Actions letter={letter} />
      </td>
    </tr>
  );
}

function originOf({ receiver, deliveries }: DeadLetter, t: Translate): string {
  if (receiver === undefined) return t('dead.attempts', { count: deliveries });
  return t('dead.rejectedBy', { name: receiverName(receiver, t) });
}

/** A row that a receiver rejected never was an entry: to be retried it has to be sent again. */
function Actions({ letter: { id, receiver } }: { letter: DeadLetter }) {
  const { deadLetters } = useApp();
  const { t } = useText();
  const isAsking = useSignal(false);
  if (isAsking.value) return <Confirmation id={id} onKeep={() => (isAsking.value = false)} />;
  return (
    <div class="actions">
      {receiver === undefined && (
        <button
          type="button"
          class="button-quiet button-small"
          aria-label={t('dead.retryOf', { id })}
          onClick={() => void deadLetters.retry(id)}
        >
          {t('dead.retry')}
        </button>
      )}
      <button
        type="button"
        class="button-quiet button-small"
        aria-label={t('dead.deleteOf', { id })}
        onClick={() => {
          isAsking.value = true;
        }}
      >
        {t('dead.delete')}
      </button>
    </div>
  );
}

/** In place of the buttons, with the focus on what changes nothing. */
function Confirmation({ id, onKeep }: { id: string; onKeep: () => void }) {
  const { deadLetters } = useApp();
  const { t } = useText();
  const keep = useRef<HTMLButtonElement>(null);
  useEffect(() => keep.current?.focus(), []);
  return (
    // biome-ignore lint/a11y/useSemanticElements: a fieldset is for forms
    <div class="actions" role="group" aria-label={t('dead.confirm')}>
      <span>{t('dead.confirm')}</span>
      <button ref={keep} type="button" class="button-quiet button-small" onClick={onKeep}>
        {t('dead.keep')}
      </button>
      <button
        type="button"
        class="button-danger button-small"
        aria-label={t('dead.deleteOf', { id })}
        onClick={() => void deadLetters.remove(id)}
      >
        {t('dead.delete')}
      </button>
    </div>
  );
}
