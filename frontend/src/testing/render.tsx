/** Components with the state of a page around them. */
import { render } from '@testing-library/preact';
import type { ComponentChildren } from 'preact';
import { onTestFinished } from 'vitest';
import { AppContext } from '../app/app-context';
import { type AppState, createAppState } from '../app/app-state';
import { FakeEnvironment } from './fake-environment';

export interface Rendered {
  app: AppState;
  environment: FakeEnvironment;
  container: Element;
}

/** Draws within a page of this environment, in its language, until the test ends. */
export async function renderInApp(
  children: ComponentChildren,
  environment = new FakeEnvironment(),
): Promise<Rendered> {
  const app = createAppState(environment);
  onTestFinished(() => app.stop());
  await app.text.ready;
  const { container } = render(<AppContext.Provider value={app}>{children}</AppContext.Provider>);
  return { app, environment, container };
}
