import { Component, type ComponentChildren } from 'preact';
import { useText } from '../app/app-context';
import { Notice } from './Notice';

interface ErrorCardProps {
  /** The part of the page, for those who report the error. */
  name: string;
  children: ComponentChildren;
}

interface ErrorCardState {
  error: unknown;
}

/** Shows an error of this page in place of the part that has it, while all other parts go on. */
export class ErrorCard extends Component<ErrorCardProps, ErrorCardState> {
  override state: ErrorCardState = { error: null };

  static override getDerivedStateFromError(error: unknown): ErrorCardState {
    return { error };
  }

  override render() {
    const { error } = this.state;
    if (error === null) return this.props.children;
    return <Failed name={this.props.name} error={error} onRetry={() => this.setState({ error: null })} />;
  }
}

function Failed({ name, error, onRetry }: { name: string; error: unknown; onRetry: () => void }) {
  const { t } = useText();
  return (
    <section class={`card card-${name}`} role="alert">
      <Notice tone="bad">
        <p>
          <strong>{t('error.title')}</strong> {t('error.advice')}
        </p>
        <p class="code">{String(error)}</p>
        <p class="actions">
          <button type="button" class="button-quiet" onClick={onRetry}>
            {t('error.retry')}
          </button>
          {/* The address of the page may be the cause. */}
          <a href="/">{t('error.startOver')}</a>
        </p>
      </Notice>
    </section>
  );
}
