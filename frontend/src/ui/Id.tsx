import { shortIds } from '../lib/short-ids';
import { truncateMiddle } from '../lib/truncate-middle';
import { visibleId } from '../lib/visible-id';

const NONE: readonly string[] = [];

interface IdProps {
  id: string;
  maxChars?: number;
  /** The ids that it is seen with, of which it has to differ. */
  among?: readonly string[];
}

/**
 * An id from outside: only ever a text node, since it may hold markup; its own direction, since it may be Arabic;
 * shortened to the eye, whole for a screen reader and on hover.
 */
export function Id({ id, maxChars = 40, among = NONE }: IdProps) {
  const whole = visibleId(id);
  const shown = shortIds(among, maxChars).get(id) ?? truncateMiddle(whole, maxChars);
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
