import { truncateMiddle } from '../lib/truncate-middle';
import { visibleId } from '../lib/visible-id';

/**
 * An id from outside: only ever a text node, since it may hold markup; its own direction, since it may be Arabic;
 * shortened in the middle to the eye, whole for a screen reader and on hover.
 */
export function Id({ id, maxChars = 40 }: { id: string; maxChars?: number }) {
  const whole = visibleId(id);
  const shown = truncateMiddle(whole, maxChars);
  if (shown === id) {
    return (
      <bdi class="id" dir="auto">
        {id}
      </bdi>
    );
  }
  return (
    <bdi class="id" dir="auto" title={whole}>
      <span aria-hidden="true">{shown}</span>
      <span class="visually-hidden">{whole}</span>
    </bdi>
  );
}
