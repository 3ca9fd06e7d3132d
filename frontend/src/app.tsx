import { ApiKeyCard } from './features/api-key/ApiKeyCard';
import { ForgetKey } from './features/api-key/ForgetKey';
import { HealthBanner } from './features/health/HealthBanner';
import { HealthStrip } from './features/health/HealthStrip';
import { SendReading } from './features/send-reading/SendReading';
import { forgetKeyRejection } from './features/send-reading/send-state';
import { SitePicker } from './features/site-picker/SitePicker';
import { refreshSites } from './features/site-picker/site-list';
import { reload } from './features/site-view/readings-state';
import { SiteView } from './features/site-view/SiteView';
import { ThemePicker } from './features/theme/ThemePicker';
import { keyRejection, retryWithKey } from './key-rejections';

export function App() {
  return (
    <>
      <a class="skip-link" href="#main">
        Skip to the readings
      </a>
      <header class="top">
        <h1>
          <img src="/favicon.svg" alt="" width="28" height="28" />
          Energy Readings
        </h1>
        <HealthStrip />
        <nav class="top-links" aria-label="API documentation">
          <a href="/api/docs">Processing API</a>
          <a href="/ingestion/docs">Ingestion API</a>
        </nav>
        <ForgetKey />
        <ThemePicker />
      </header>
      <HealthBanner />
      <ApiKeyCard rejection={keyRejection.value} onKey={retryWithKey} onDismiss={forgetKeyRejection} />
      <div class="layout">
        <SitePicker />
        <main id="main" tabIndex={-1}>
          <SiteView />
        </main>
        <SendReading onStored={showStored} />
      </div>
    </>
  );
}

/** A reading has arrived: both what is listed and what is drawn may have changed. */
function showStored(site: string): void {
  void refreshSites();
  reload(site);
}
