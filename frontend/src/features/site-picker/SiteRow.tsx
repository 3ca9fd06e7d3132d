import type { Site } from '../../api/types';
import { useApp, useText } from '../../app/app-context';
import { parseInstant } from '../../lib/instant';
import { Id } from '../../ui/Id';
import { Sign } from '../../ui/Notice';
import { SiteLink } from '../../ui/SiteLink';
import { STATUS_TONES } from '../../ui/status-tones';

interface SiteRowProps {
  site: Site;
  place: number;
  /** -1 while it is not known. */
  count: number;
  isTabStop: boolean;
  /** The ids that are listed. */
  among: readonly string[];
}

export function SiteRow({ site, place, count, isTabStop, among }: SiteRowProps) {
  return (
    <li aria-posinset={place} aria-setsize={count}>
      <SiteLink site={site.site_id} class="site-link" tabIndex={isTabStop ? 0 : -1}>
        <Id id={site.site_id} maxChars={22} among={among} />
        <LastSeen of={site} />
      </SiteLink>
    </li>
  );
}

/** How old the last reading is, and whether that is late for this site. */
function LastSeen({ of }: { of: Site }) {
  const { clock } = useApp();
  const { t, formats } = useText();
  const age = of.last === null ? null : Math.max(0, clock.now.value - parseInstant(of.last));
  return (
    <span class="site-seen" title={t(`status.${of.status}`)}>
      {age !== null && <span class="count">{formats.age(age)}</span>}
      <Sign tone={STATUS_TONES[of.status]} />
      <span class="visually-hidden">{t(`status.${of.status}`)}</span>
    </span>
  );
}
