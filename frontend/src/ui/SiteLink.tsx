import type { ComponentChildren } from 'preact';
import { site as pickedSite, showSite, siteAddress } from '../view';

interface SiteLinkProps {
  site: string;
  class?: string;
  children: ComponentChildren;
}

/** A real link, so that it opens in a new tab, can be copied, and is announced as one. */
export function SiteLink({ site, class: className, children }: SiteLinkProps) {
  const isPicked = pickedSite.value === site;
  return (
    <a
      href={siteAddress(site)}
      class={className}
      aria-current={isPicked ? 'page' : undefined}
      onClick={(event) => {
        if (event.button !== 0 || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
        event.preventDefault();
        showSite(site);
      }}
    >
      {children}
    </a>
  );
}
