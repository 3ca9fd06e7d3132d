import type { ComponentChildren } from 'preact';
import { useApp } from '../app/app-context';

interface SiteLinkProps {
  site: string;
  class?: string;
  tabIndex?: number;
  children: ComponentChildren;
}

/** A real link, so that it opens in a new tab, can be copied, and is announced as one. */
export function SiteLink({ site, class: className, tabIndex, children }: SiteLinkProps) {
  const { view } = useApp();
  const isPicked = view.site.value === site;
  return (
    <a
      href={view.siteAddress(site)}
      class={className}
      tabIndex={tabIndex}
      aria-current={isPicked ? 'page' : undefined}
      onClick={(event) => {
        if (event.button !== 0 || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
        event.preventDefault();
        view.showSite(site);
      }}
    >
      {children}
    </a>
  );
}
