import { useApp, useText } from '../../app/app-context';
import { Id } from '../../ui/Id';

export function SiteHeader({ id }: { id: string }) {
  const { reload } = useApp().site;
  const { t } = useText();
  return (
    <header class="site-header">
      <h2>
        <Id id={id} maxChars={48} />
      </h2>
      <button type="button" class="button-quiet button-small" onClick={() => reload(id)}>
        {t('site.refresh')}
      </button>
    </header>
  );
}
