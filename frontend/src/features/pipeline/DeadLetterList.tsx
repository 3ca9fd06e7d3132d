import { useApp, useText } from '../../app/app-context';
import { ScrollBox } from '../../ui/ScrollBox';
import { DeadLetterRow } from './DeadLetterRow';

/** The dead letters that are loaded, and a button for more. */
export function DeadLetterList() {
  const { letters, isLoading, hasMore, more } = useApp().deadLetters;
  const { t } = useText();
  if (letters.value.length === 0 && !hasMore.value)
    return <p class="hint">{t(isLoading.value ? 'dead.loading' : 'dead.none')}</p>;
  return (
    <>
      <p class="hint">{t('dead.explanation')}</p>
      <ScrollBox class="dead-letters-box" label={t('dead.title')}>
        <table>
          <thead>
            <tr>
              <th scope="col">{t('dead.time')}</th>
              <th scope="col">{t('dead.reason')}</th>
              <th scope="col">{t('dead.fields')}</th>
              <th scope="col">{t('dead.actions')}</th>
            </tr>
          </thead>
          <tbody>
            {letters.value.map((letter) => (
              <DeadLetterRow key={letter.id} letter={letter} />
            ))}
          </tbody>
        </table>
      </ScrollBox>
      {hasMore.value && (
        <button
          type="button"
          class="button-quiet"
          aria-disabled={isLoading.value}
          onClick={() => void more()}
        >
          {t('dead.more')}
        </button>
      )}
    </>
  );
}
