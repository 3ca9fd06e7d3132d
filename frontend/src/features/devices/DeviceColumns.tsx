import type { Signal } from '@preact/signals';
import { useText } from '../../app/app-context';
import type { DeviceColumn, Sorting } from './sorting';

const COLUMNS: [DeviceColumn, isNumber: boolean][] = [
  ['device', false],
  ['power', true],
  ['seen', false],
  ['interval', true],
  ['readings', true],
  ['status', false],
];

/** The heads of the columns. */
export function DeviceColumns({ sorting }: { sorting: Signal<Sorting> }) {
  const { t } = useText();
  return (
    <thead>
      <tr>
        {COLUMNS.map(([name, isNumber]) => (
          <Head key={name} name={name} isNumber={isNumber} sorting={sorting} />
        ))}
        <th scope="col">
          <span class="visually-hidden">{t('devices.only')}</span>
        </th>
      </tr>
    </thead>
  );
}

interface HeadProps {
  name: DeviceColumn;
  isNumber: boolean;
  sorting: Signal<Sorting>;
}

/** Sorts by its column; a second click turns the order. */
function Head({ name, isNumber, sorting }: HeadProps) {
  const { t } = useText();
  const isSorted = name === sorting.value.column;
  const { isDescending } = sorting.value;
  const sort = () => {
    sorting.value = { column: name, isDescending: isSorted && !isDescending };
  };
  return (
    <th
      scope="col"
      class={isNumber ? 'number' : undefined}
      {...(isSorted && { 'aria-sort': isDescending ? 'descending' : 'ascending' })}
    >
      <button type="button" class="button-sort" onClick={sort}>
        {t(`devices.${name}`)}
        {isSorted && <Direction isDescending={isDescending} />}
      </button>
    </th>
  );
}

function Direction({ isDescending }: { isDescending: boolean }) {
  const { t } = useText();
  return (
    <>
      <span aria-hidden="true">{isDescending ? ' ↓' : ' ↑'}</span>
      <span class="visually-hidden">{t(isDescending ? 'devices.sortedDown' : 'devices.sortedUp')}</span>
    </>
  );
}
