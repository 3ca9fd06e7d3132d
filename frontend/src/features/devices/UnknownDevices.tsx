import { Fragment } from 'preact';
import { useApp, useText } from '../../app/app-context';
import { Id } from '../../ui/Id';
import { Notice } from '../../ui/Notice';

/** What the address asks for and the site does not have: a name with a typing error, or a link to another site. */
export function UnknownDevices() {
  const { site, view } = useApp();
  const { t } = useText();
  const known = site.known.value;
  const unknown = view.view.value.devices?.filter((id) => !known.includes(id)) ?? [];
  // A list that could not be loaded proves nothing.
  if (unknown.length === 0 || known.length === 0) return null;
  return (
    <Notice tone="warning">
      <p>
        {t('devices.unknown', { count: unknown.length })}{' '}
        {unknown.map((id, index) => (
          <Fragment key={id}>
            {index > 0 && ', '}
            <Id id={id} />
          </Fragment>
        ))}
      </p>
      <button type="button" class="button-link" onClick={() => view.navigate({ devices: null }, 'push')}>
        {t('devices.all')}
      </button>
    </Notice>
  );
}
