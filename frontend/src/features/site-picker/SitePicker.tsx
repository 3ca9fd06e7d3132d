import { type Signal, useSignal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import { toMessage } from '../../api/request-failure';
import type { SiteSummary } from '../../api/types';
import { formatCount, plural } from '../../lib/format';
import { Card } from '../../ui/Card';
import { Id } from '../../ui/Id';
import { Notice } from '../../ui/Notice';
import { SiteLink } from '../../ui/SiteLink';
import { site as pickedSite, showSite } from '../../view';
import { listing, sites } from './site-list';

/** A list longer than this is searched, not read. */
const MAX_LISTED = 200;

export function SitePicker() {
  const wanted = useSignal('');
  const matches = sites.value.filter(({ site_id }) => isMatch(site_id, wanted.value));
  const count = sites.value.length;
  const listed = matches.slice(0, MAX_LISTED);
  const rest = matches.length - listed.length;
  return (
    <Card name="sites" title="Sites" aside={count > 0 && <span class="count">{formatCount(count)}</span>}>
      <Find wanted={wanted} />
      <ListState />
      {listed.length > 0 && <SiteSelect sites={listed} />}
      {listed.length > 0 && <SiteLinks sites={listed} />}
      {rest > 0 && <p class="hint">… and {plural(rest, 'more site')}: find them with the box above.</p>}
      {count > 0 && matches.length === 0 && (
        <p class="hint">No listed site matches. “Open” shows the id as you typed it.</p>
      )}
    </Card>
  );
}

function Find({ wanted }: { wanted: Signal<string> }) {
  return (
    <search>
      <form
        class="find"
        onSubmit={(event) => {
          event.preventDefault();
          if (wanted.value !== '') showSite(wanted.value);
        }}
      >
        <label for="find-site">Find a site, or open any id</label>
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
            Open
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
  const state = listing.value;
  if (state.phase === 'loading') return <p class="hint">Loading the list…</p>;
  if (state.phase === 'unlisted')
    return <p class="hint">This service does not list its sites: type an id.</p>;
  if (state.phase === 'failed') {
    const what = sites.value.length === 0 ? 'There is no list of sites.' : 'This list is an older one.';
    return (
      <Notice tone="bad">
        {what} {toMessage(state.failure)}
      </Notice>
    );
  }
  if (sites.value.length === 0)
    return <p class="hint">No site has a stored reading yet. Send the first one.</p>;
  return null;
}

function SiteLinks({ sites }: { sites: SiteSummary[] }) {
  const box = useRef<HTMLElement>(null);
  const picked = pickedSite.value;
  // A site that was picked elsewhere, or came with the address, may be out of sight.
  useEffect(() => {
    revealIn(box.current, box.current?.querySelector<HTMLElement>('[aria-current]'));
  }, [picked]);
  return (
    <nav class="site-links" aria-label="Sites" ref={box}>
      <ul>
        {sites.map(({ site_id, readings }) => (
          <li key={site_id}>
            <SiteLink site={site_id} class="site-link">
              <Id id={site_id} maxChars={26} />
              {readings !== undefined && <SiteCount readings={readings} />}
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

function SiteCount({ readings }: { readings: number }) {
  return (
    <span class="count">
      {formatCount(readings)}
      <span class="visually-hidden"> readings</span>
    </span>
  );
}

/** Takes the place of the links where the page is narrow. */
function SiteSelect({ sites }: { sites: SiteSummary[] }) {
  const picked = pickedSite.value;
  const ids = sites.map(({ site_id }) => site_id);
  return (
    <select
      class="site-select"
      aria-label="Site"
      value={picked ?? ''}
      onChange={(event) => showSite(event.currentTarget.value)}
    >
      {picked === null && <option value="">Pick a site…</option>}
      {picked !== null && !ids.includes(picked) && <option value={picked}>{picked}</option>}
      {ids.map((id) => (
        <option key={id} value={id}>
          {id}
        </option>
      ))}
    </select>
  );
}
