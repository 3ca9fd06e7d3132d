import type { Site } from '../api/types';
import type { Tone } from './Notice';

/** How good the status of a site or a device is. */
export const STATUS_TONES: Record<Site['status'], Tone> = {
  fresh: 'good',
  late: 'warning',
  stale: 'warning',
  offline: 'bad',
  ahead: 'plain',
  empty: 'plain',
};
