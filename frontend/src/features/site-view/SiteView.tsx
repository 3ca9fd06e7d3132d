import type { ComponentChildren } from 'preact';
import { toMessage } from '../../api/request-failure';
import { formatBytes, plural } from '../../lib/format';
import { formatLocal, LOCAL_ZONE } from '../../lib/local-time';
import { Id } from '../../ui/Id';
import { Notice } from '../../ui/Notice';
import { site } from '../../view';
import { hasKey } from '../api-key/key-state';
import { PowerChart } from '../power-chart/PowerChart';
import { ReadingsTable } from '../readings-table/ReadingsTable';
import { failure, type Loaded, loaded, loading, reload } from './readings-state';

/** Everything about the picked site. */
export function SiteView() {
  const id = site.value;
  if (id === null) return <Welcome />;
  return (
    <>
      <SiteHeader id={id} />
      <LoadState id={id} />
      {loaded.value !== null && <Contents {...loaded.value} />}
    </>
  );
}

const example = (header: string) =>
  `curl ${location.origin}/api/readings -H 'Content-Type: application/json'${header} -d '{
  "site_id": "house-01", "device_id": "main-meter",
  "power_reading": 1500.5, "timestamp": "2024-01-15T10:30:00Z"
}'`;
/** The variable is its reader's: the page never shows a key. */
const KEY_HEADER = ' \\\n  -H "Authorization: Bearer $API_KEY"';

function Welcome() {
  return (
    <Blank>
      <h2>Pick a site</h2>
      <p>
        Its power over time and its readings appear here. No site yet? Send a reading: the site begins with
        it.
      </p>
      <pre class="example">{example(hasKey.value ? KEY_HEADER : '')}</pre>
    </Blank>
  );
}

function SiteHeader({ id }: { id: string }) {
  return (
    <header class="site-header">
      <h2>
        <Id id={id} maxChars={48} />
      </h2>
      {loaded.value !== null && <Facts {...loaded.value} />}
      <button
        type="button"
        class="button-quiet"
        aria-disabled={loading.value !== null}
        onClick={() => reload(id)}
      >
        Refresh
      </button>
    </header>
  );
}

/** The readings do not change by themselves: the time says how old this picture is. */
function Facts({ readings, loadedAt }: Loaded) {
  return (
    <p class="facts">
      {plural(readings.devices.length, 'device')}, {plural(readings.count, 'reading')}
      <span class="hint">
        {' '}
        as of <span class="time">{formatLocal(Math.floor(loadedAt / 1000) * 1000, LOCAL_ZONE)}</span>
      </span>
    </p>
  );
}

function LoadState({ id }: { id: string }) {
  if (failure.value !== null) {
    return (
      <Notice tone="bad">
        <p>
          {loaded.value === null
            ? 'The readings could not be loaded.'
            : 'These readings could not be refreshed.'}{' '}
          {toMessage(failure.value)}
        </p>
        <button type="button" class="button-link" onClick={() => reload(id)}>
          Try again
        </button>
      </Notice>
    );
  }
  if (loading.value === null) return null;
  const { progress } = loading.value;
  if (progress !== null) {
    const arrived = `${plural(progress.readings, 'reading')}, ${formatBytes(progress.bytes)}`;
    return (
      <div class="loading">
        <progress aria-label="Loading readings" />
        <p>Loading: {arrived} so far…</p>
      </div>
    );
  }
  return loaded.value === null ? <p class="loading hint">Loading…</p> : null;
}

function Contents({ readings, loadedAt }: Loaded) {
  if (readings.count === 0) {
    return (
      <Blank>
        <h3>No readings</h3>
        <p>Nothing is stored for this site. If a reading was sent just now, it may still be on its way.</p>
      </Blank>
    );
  }
  return (
    <>
      <PowerChart devices={readings.devices} loadedAt={loadedAt} />
      <ReadingsTable readings={readings} />
    </>
  );
}

function Blank({ children }: { children: ComponentChildren }) {
  return <div class="card blank-card">{children}</div>;
}
