import { useApp, useText } from '../../app/app-context';

/** There while the page has a key, accepted or not. */
export function ForgetKey() {
  const { key } = useApp();
  const { t } = useText();
  if (!key.hasKey.value) return null;
  return (
    <button type="button" class="button-quiet button-small" onClick={key.forget}>
      {t('key.forget')}
    </button>
  );
}
