import { forgetKey, hasKey } from './key-state';

/** There while the page has a key, accepted or not. */
export function ForgetKey() {
  if (!hasKey.value) return null;
  return (
    <button type="button" class="button-quiet button-small" onClick={forgetKey}>
      Forget the API key
    </button>
  );
}
