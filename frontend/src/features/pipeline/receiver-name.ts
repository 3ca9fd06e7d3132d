import type { Translate } from '../../i18n/translation';

const NAMES = ['readings', 'batch', 'line_protocol', 'remote_write', 'mqtt'] as const;

/** The name of a receiver in words; one that this page does not know yet has its own. */
export function receiverName(name: string, t: Translate): string {
  const known = NAMES.find((each) => each === name);
  return known === undefined ? name : t(`receivers.of.${known}`);
}
