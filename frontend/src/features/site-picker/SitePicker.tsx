import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { useApp, useText } from '../../app/app-context';
import { Card } from '../../ui/Card';
import { failureText } from '../../ui/failure-text';
import { Id } from '../../ui/Id';
import { Notice } from '../../ui/Notice';
import { FindSite } from './FindSite';
import { SiteLinks } from './SiteLinks';

export function SitePicker() {
  const { view, sites } = useApp();
  const { t } = useText();
  const picked = view.site.value;
  /** Of a narrow page, where the list would push everything else out of sight. */
  const isOpen = useSignal(picked === null);
  useEffect(() => {
    isOpen.value = picked === null;
  }, [picked]);
  return (
    <Card name="sites" title={t('sites.title')} aside={<Count />}>
      <button
        type="button"
        class="button-quiet sites-toggle"
        aria-expanded={isOpen.value}
        aria-controls="sites-body"
        onClick={() => {
          isOpen.value = !isOpen.value;
        }}
      >
        {picked === null ? t('sites.pick') : <Id id={picked} maxChars={26} />}
      </button>
      <div id="sites-body" class="sites-body" data-open={isOpen.value}>
        <FindSite />
        <ListState />
        {/* Another search begins at the top of its list. */}
        {sites.sites.value.length > 0 && <SiteLinks key={sites.prefix.value} sites={sites.sites.value} />}
      </div>
    </Card>
  );
}

/** How many are listed; the service does not count all of them. */
function Count() {
  const { sites, hasMore } = useApp().sites;
  const { t, formats } = useText();
  const count = formats.count(sites.value.length);
  if (sites.value.length === 0) return null;
  return <span class="count">{hasMore.value ? t('sites.moreThan', { count }) : count}</span>;
}

function ListState() {
  const { listing, sites, prefix } = useApp().sites;
  const { t } = useText();
  const state = listing.value;
  const isEmpty = sites.value.length === 0;
  if (state.phase === 'loading') return <p class="hint">{t('sites.loading')}</p>;
  if (state.phase === 'failed') {
    return (
      <Notice tone="bad">
        {`${t(isEmpty ? 'sites.noList' : 'sites.oldList')} ${failureText(t, state.failure)}`}
      </Notice>
    );
  }
  if (!isEmpty) return null;
  return <p class="hint">{prefix.value === '' ? t('sites.none') : t('sites.noMatch')}</p>;
}
