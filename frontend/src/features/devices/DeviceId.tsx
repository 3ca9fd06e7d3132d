import { useApp } from '../../app/app-context';
import { Id } from '../../ui/Id';

/** The id of a device, so that it differs from those of the other devices of its site. */
export function DeviceId({ id, maxChars }: { id: string; maxChars: number }) {
  return <Id id={id} maxChars={maxChars} among={useApp().site.known.value} />;
}
