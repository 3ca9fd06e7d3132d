import { useApp, useText } from '../../app/app-context';
import { failureText } from '../../ui/failure-text';
import { Notice } from '../../ui/Notice';

/** Why a part of the site could not be loaded; announced by screen readers. */
export function LoadState({ id }: { id: string }) {
  const { site } = useApp();
  const { t } = useText();
  const failure = site.failure.value;
  const what = site.chart.loaded.value === null ? 'site.notLoaded' : 'site.notRefreshed';
  return (
    <div role="status">
      {failure !== null && (
        <Notice tone="bad">
          <p>{`${t(what)} ${failureText(t, failure)}`}</p>
          <button type="button" class="button-link" onClick={() => site.reload(id)}>
            {t('site.tryAgain')}
          </button>
        </Notice>
      )}
    </div>
  );
}
