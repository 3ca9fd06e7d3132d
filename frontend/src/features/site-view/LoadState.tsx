import type { Progress } from '../../api/load-readings';
import type { RequestFailure } from '../../api/request-failure';
import { useApp, useText } from '../../app/app-context';
import { failureText } from '../../ui/failure-text';
import { Notice } from '../../ui/Notice';

/** Loading, or why that failed; announced by screen readers. */
export function LoadState({ id }: { id: string }) {
  const { loading, failure } = useApp().readings;
  return (
    <div role="status">
      {failure.value !== null && <Failed id={id} failure={failure.value} />}
      {failure.value === null && loading.value !== null && <LoadProgress progress={loading.value.progress} />}
    </div>
  );
}

function Failed({ id, failure }: { id: string; failure: RequestFailure }) {
  const { readings } = useApp();
  const { t } = useText();
  const what = readings.loaded.value === null ? 'site.notLoaded' : 'site.notRefreshed';
  return (
    <Notice tone="bad">
      <p>{`${t(what)} ${failureText(t, failure)}`}</p>
      <button type="button" class="button-link" onClick={() => readings.reload(id)}>
        {t('site.tryAgain')}
      </button>
    </Notice>
  );
}

function LoadProgress({ progress }: { progress: Progress | null }) {
  const { readings } = useApp();
  const { t, formats } = useText();
  if (progress === null)
    return readings.loaded.value === null ? <p class="loading hint">{t('site.loading')}</p> : null;
  const { readings: count, bytes } = progress;
  return (
    <div class="loading">
      <progress aria-label={t('site.loading')} />
      <p>{t('site.progress', { count, bytes: formats.bytes(bytes) })}</p>
      <button type="button" class="button-link" onClick={readings.cancel}>
        {t('site.cancel')}
      </button>
    </div>
  );
}
