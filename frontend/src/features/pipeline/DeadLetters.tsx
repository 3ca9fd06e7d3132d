import { useApp, useText } from '../../app/app-context';
import { failureText } from '../../ui/failure-text';
import { Notice } from '../../ui/Notice';
import { ScrollBox } from '../../ui/ScrollBox';
import { DeadLetterRow } from './DeadLetterRow';

/** `count` is of all of them, listed or not. */
export function DeadLetters({ count }: { count: number }) {
  const { isOpen, toggle } = useApp().deadLetters;
  const { t } = useText();
  return (
    <section class="dead-letters" aria-label={t('dead.title')}>
      {(count > 0 || isOpen.value) && (
        <button type="button" class="button-quiet" aria-expanded={isOpen.value} onClick={toggle}>
          {isOpen.value ? t('dead.hide') : t('dead.show', { count })}
        </button>
      )}
      {count === 0 && !isOpen.value && <p class="hint">{t('dead.none')}</p>}
      <Result />
      {isOpen.value && <List />}
    </section>
  );
}

function Result() {
  const { done, failure } = useApp().deadLetters;
  const { t } = useText();
  return (
    <div role="status">
      {failure.value !== null && <Notice tone="bad">{failureText(t, failure.value)}</Notice>}
      {failure.value === null && done.value !== null && (
        <Notice tone="good">{t(`dead.${done.value.action}`, { id: done.value.id })}</Notice>
      )}
    </div>
  );
}

function List() {
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
