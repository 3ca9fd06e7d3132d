import { useSignal } from '@preact/signals';
import { useApp, useText } from '../../app/app-context';

/** Searches on the server, by the beginning of the name; or opens a name that no list has. */
export function FindSite() {
  const { view, sites } = useApp();
  const { t } = useText();
  const typed = useSignal('');
  return (
    <search>
      <form
        class="find"
        onSubmit={(event) => {
          event.preventDefault();
          if (typed.value !== '') view.showSite(typed.value);
        }}
      >
        <label for="find-site">{t('sites.find')}</label>
        <div class="field-row">
          <input
            id="find-site"
            type="search"
            dir="auto"
            autocomplete="off"
            spellcheck={false}
            value={typed.value}
            onInput={(event) => {
              typed.value = event.currentTarget.value;
              sites.search(typed.value);
            }}
          />
          <button type="submit" class="button-quiet">
            {t('sites.open')}
          </button>
        </div>
      </form>
    </search>
  );
}
