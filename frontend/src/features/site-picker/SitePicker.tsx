import { type Signal, useSignal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import type { Site } from '../../api/types';
import { useApp, useText } from '../../app/app-context';
import { Card } from '../../ui/Card';
import { failureText } from '../../ui/failure-text';
import { Id } from '../../ui/Id';
import { Notice } from '../../ui/Notice';
import { SiteLink } from '../../ui/SiteLink';

/** A list longer than this is searched, not read. */
const MAX_LISTED = 200;

export function SitePicker() {
  const { sites } = useApp().sites;
  const { t, formats } = useText();
  const wanted = useSignal('');
  const matches = sites.value.filter(({ site_id }) => isMatch(site_id, wanted.value));
  const count = sites.value.length;
  const listed = matches.slice(0, MAX_LISTED);
  const rest = matches.length - listed.length;
  return (
    <Card
      name="sites"
      title={t('sites.title')}
      aside={count > 0 && <span class="count">{formats.count(count)}</span>}
    >
      <Find wanted={wanted} />
      <ListState />
      {listed.length > 0 && <SiteSelect sites={listed} />}
      {listed.length > 0 && <SiteLinks sites={listed} />}
      {rest > 0 && <p class="hint">{t('sites.rest', { count: rest })}</p>}
      {count > 0 && matches.length === 0 && <p class="hint">{t('sites.noMatch')}</p>}
    </Card>
  );
}

function Find({ wanted }: { wanted: Signal<string> }) {
  const { view } = useApp();
  const { t } = useText();
  return (
    <search>
      <form
        class="find"
        onSubmit={(event) => {
          event.preventDefault();
          if (wanted.value !== '') view.showSite(wanted.value);
        }}
      >
        <label for="find-site">{t('sites.find')}</label>
        <div class="field-row">
          <input
            id="find-site"
            type="search"
            dir="auto"
            autocomplete="off"
            spellcheck={false}
            value={wanted.value}
            onInput={(event) => {
              wanted.value = event.currentTarget.value;
            }}
          />
          <button type="submit" class="button-quiet">
            {t('sites.open')}
          </button>
        </div>
      </form>
    </search>
  );
}

function isMatch(id: string, wanted: string): boolean {
  return id.toLowerCase().includes(wanted.toLowerCase());
}

function ListState() {
  const { listing, sites } = useApp().sites;
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
  return isEmpty ? <p class="hint">{t('sites.none')}</p> : null;
}

function SiteLinks({ sites }: { sites: readonly Site[] }) {
  const box = useRef<HTMLElement>(null);
  const { view } = useApp();
  const { t } = useText();
  const picked = view.site.value;
  // A site that was picked elsewhere, or came with the address, may be out of sight.
  useEffect(() => {
    revealIn(box.current, box.current?.querySelector<HTMLElement>('[aria-current]'));
  }, [picked]);
  return (
    <nav class="site-links" aria-label={t('sites.title')} ref={box}>
      <ul>
        {sites.map(({ site_id }) => (
          <li key={site_id}>
            <SiteLink site={site_id} class="site-link">
              <Id id={site_id} maxChars={26} />
            </SiteLink>
          </li>
        ))}
      </ul>
    </nav>
  );
}

/** As `scrollIntoView` does, but leaves the page itself where it is. */
function revealIn(box: HTMLElement | null, child: HTMLElement | null | undefined): void {
  if (!box || !child) return;
  const lowest = child.offsetTop;
  const highest = child.offsetTop + child.offsetHeight - box.clientHeight;
  box.scrollTop = Math.min(Math.max(box.scrollTop, highest), lowest);
}

/** Takes the place of the links where the page is narrow. */
function SiteSelect({ sites }: { sites: readonly Site[] }) {
  const { view } = useApp();
  const { t } = useText();
  const picked = view.site.value;
  const ids = sites.map(({ site_id }) => site_id);
  return (
    <select
      class="site-select"
      aria-label={t('sites.site')}
      value={picked ?? ''}
      onChange={(event) => view.showSite(event.currentTarget.value)}
    >
      {picked === null && <option value="">{t('sites.pick')}</option>}
      {picked !== null && !ids.includes(picked) && <option value={picked}>{picked}</option>}
      {ids.map((id) => (
        <option key={id} value={id}>
          {id}
        </option>
      ))}
    </select>
  );
}
