import type { ComponentChildren } from 'preact';
import { isUnnamable } from '../../api/site-client';
import { useApp, useText } from '../../app/app-context';
import { ErrorCard } from '../../ui/ErrorCard';
import { lazily } from '../../ui/lazily';
import { UnknownDevices } from '../devices/UnknownDevices';
import { EnergyCard } from '../energy-bars/EnergyCard';
import { Figures } from '../figures/Figures';
import { PowerChart } from '../power-chart/PowerChart';
import { RangeBar } from '../range-bar/RangeBar';
import { LoadState } from './LoadState';
import { SiteHeader } from './SiteHeader';

/** Everything about the picked site. */
export function SiteView() {
  const { view } = useApp();
  const id = view.site.value;
  if (id === null) return <Welcome />;
  return (
    <>
      <SiteHeader id={id} />
      {isUnnamable(id) ? <Unnamable id={id} /> : <Loaded id={id} />}
    </>
  );
}

function Loaded({ id }: { id: string }) {
  return (
    <>
      <LoadState id={id} />
      <Contents />
    </>
  );
}

function Unnamable({ id }: { id: string }) {
  const { t } = useText();
  return (
    <Blank>
      <h3>{t('site.unnamable')}</h3>
      <p>{t('site.unnamableAdvice', { id })}</p>
    </Blank>
  );
}

const example = (origin: string, header: string) =>
  `curl ${origin}/api/readings -H 'Content-Type: application/json'${header} -d '{
  "site_id": "house-01", "device_id": "main-meter",
  "power_reading": 1500.5, "timestamp": "2024-01-15T10:30:00Z"
}'`;
/** The variable is its reader's: the page never shows a key. */
const KEY_HEADER = ' \\\n  -H "Authorization: Bearer $API_KEY"';

function Welcome() {
  const { key, environment } = useApp();
  const { t } = useText();
  return (
    <Blank>
      <h2>{t('site.pick')}</h2>
      <p>{t('site.pickAdvice')}</p>
      <pre class="example">{example(environment.address.origin, key.hasKey.value ? KEY_HEADER : '')}</pre>
    </Blank>
  );
}

// Below the chart, and of sites that have readings: on a slow line the chart is there before them.
const DevicesCard = lazily(async () => (await import('../devices/DevicesCard')).DevicesCard);
const ReadingsTable = lazily(async () => (await import('../readings-table/ReadingsTable')).ReadingsTable);

function Contents() {
  const { site } = useApp();
  const { t } = useText();
  const range = site.range.range.value;
  if (site.extent.loaded.value?.data === null) {
    return (
      <Blank>
        <h3>{t('site.empty')}</h3>
        <p>{t('site.emptyAdvice')}</p>
      </Blank>
    );
  }
  // The number of devices decides where all else is: nothing moves once it is known.
  if (!site.isSettled.value) return <p class="hint site-wait">{t('site.loading')}</p>;
  return (
    <>
      <UnknownDevices />
      <Figures />
      <RangeBar />
      {range !== null && (
        <>
          <PowerChart range={range} />
          <EnergyCard range={range} />
          {/* Their files may be lost on the way, and the chart stays. */}
          <ErrorCard name="devices">
            <DevicesCard />
          </ErrorCard>
          <ErrorCard name="readings">
            <ReadingsTable />
          </ErrorCard>
        </>
      )}
    </>
  );
}

function Blank({ children }: { children: ComponentChildren }) {
  return <div class="card blank-card">{children}</div>;
}
