import { ApiKeyCard } from '../features/api-key/ApiKeyCard';
import { ForgetKey } from '../features/api-key/ForgetKey';
import { HealthBanner } from '../features/health/HealthBanner';
import { HealthWord } from '../features/health/HealthWord';
import { LanguagePicker } from '../features/language/LanguagePicker';
import { SendReading } from '../features/send-reading/SendReading';
import { SitePicker } from '../features/site-picker/SitePicker';
import { SiteView } from '../features/site-view/SiteView';
import { ThemePicker } from '../features/theme/ThemePicker';
import { ErrorCard } from '../ui/ErrorCard';
import { lazily } from '../ui/lazily';
import { useApp, useText } from './app-context';

export function App() {
  const { view } = useApp();
  const site = view.site.value ?? '';
  return (
    <ErrorCard name="page">
      <Top />
      <HealthBanner />
      <ErrorCard name="key">
        <ApiKeyCard />
      </ErrorCard>
      <div class="layout">
        <ErrorCard name="sites">
          <SitePicker />
        </ErrorCard>
        <main id="main" tabIndex={-1}>
          {/* Another site is drawn again, whatever the one before had. */}
          <ErrorCard name="main" key={site}>
            <SiteView />
          </ErrorCard>
        </main>
        <ErrorCard name="send">
          <SendReading />
        </ErrorCard>
        <ErrorCard name="pipeline">
          <Pipeline />
        </ErrorCard>
      </div>
      <Bottom />
    </ErrorCard>
  );
}

const PipelinePanel = lazily(async () => (await import('../features/pipeline/PipelinePanel')).PipelinePanel);

/** Most users are no operators, and never load it. */
function Pipeline() {
  const { phase } = useApp().pipeline.report.value;
  return phase === 'known' || phase === 'failed' ? <PipelinePanel /> : null;
}

function Bottom() {
  const { t } = useText();
  return (
    <footer>
      <nav class="bottom" aria-label={t('app.documentation')}>
        <a href="/api/docs">{t('app.processingApi')}</a>
        <a href="/ingestion/docs">{t('app.ingestionApi')}</a>
      </nav>
    </footer>
  );
}

function Top() {
  const { t } = useText();
  return (
    <>
      <a class="skip-link" href="#main">
        {t('app.skipToReadings')}
      </a>
      <a class="skip-link" href="#site_id">
        {t('app.skipToSend')}
      </a>
      <header class="top">
        <h1>
          <img src="/favicon.svg" alt="" width="28" height="28" />
          <span>{t('app.title')}</span>
        </h1>
        <HealthWord />
        <div class="top-settings">
          <ForgetKey />
          <LanguagePicker />
          <ThemePicker />
        </div>
      </header>
    </>
  );
}
