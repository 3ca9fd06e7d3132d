/** All state of one page: created from its environment, given to the components by `app-context.ts`. */
import { computed } from '@preact/signals';
import { createClient } from '../api/client';
import { createSiteClient } from '../api/site-client';
import { createKeyState } from '../features/api-key/key-state';
import { createHealthState } from '../features/health/health-state';
import { createDeadLettersState } from '../features/pipeline/dead-letters-state';
import { createPipelineStatus } from '../features/pipeline/pipeline-state';
import { createReceiversState } from '../features/pipeline/receivers-state';
import { createDraftState } from '../features/send-reading/draft-state';
import { createSendState } from '../features/send-reading/send-state';
import { createSitesState } from '../features/site-picker/sites-state';
import { createSiteState } from '../features/site-view/site-state';
import { createThemeState } from '../features/theme/theme-state';
import { createTextState } from '../i18n/text-state';
import { LOCAL_ZONE } from '../lib/local-time';
import { createClock } from './clock';
import type { Environment } from './environment';
import { createKeyRejectionState } from './key-rejection-state';
import { createViewState } from './view-state';

export type AppState = ReturnType<typeof createAppState>;

export function createAppState(environment: Environment) {
  const { fetch } = environment;
  const text = createTextState(environment.languages, environment.storages);
  const view = createViewState(environment.address);
  const theme = createThemeState(environment);
  const clock = createClock(environment);
  const key = createKeyState(environment);
  const connection = { fetch, key: key.key };
  const client = createClient(connection);
  const siteClient = createSiteClient(connection);
  const pipeline = createPipelineStatus(client, environment);
  const receivers = createReceiversState(client, pipeline.isOffered, environment);
  const deadLetters = createDeadLettersState(client, pipeline.runNow);
  const health = createHealthState(client, environment, pipeline.deadLetters);
  const sites = createSitesState(client, key.key, environment);
  const isReadable = computed(() => health.processing.value.phase === 'up');
  const site = createSiteState({ client: siteClient, view, clock, isReadable, environment });
  const locale = computed(() => text.text.value.locale);
  const draft = createDraftState({ pickedSite: view.site, now: clock.now, locale, zone: LOCAL_ZONE });
  const onStored = (id: string) => {
    // Both what is listed and what is drawn may have changed.
    sites.runNow();
    site.reload(id);
  };
  const send = createSendState({ client, draft, onStored, onFailed: health.checkNow });
  const keyRejection = createKeyRejectionState({ view, sites, site, send });
  const parts = [view, theme, clock, key, pipeline, receivers, health, sites, site, draft, keyRejection];
  return {
    environment,
    client,
    siteClient,
    text,
    view,
    theme,
    clock,
    key,
    pipeline,
    receivers,
    deadLetters,
    health,
    sites,
    site,
    draft,
    send,
    keyRejection,
    /** Ends all timers, listeners and requests. */
    stop() {
      for (const part of parts) part.stop();
    },
  };
}
