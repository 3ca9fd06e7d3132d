import { useApp, useText } from '../../app/app-context';
import { failureText } from '../../ui/failure-text';
import { lazily } from '../../ui/lazily';
import { Notice } from '../../ui/Notice';

const DeadLetterList = lazily(async () => (await import('./DeadLetterList')).DeadLetterList);

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
      {isOpen.value && <DeadLetterList />}
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
