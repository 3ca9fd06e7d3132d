/** The page of this browser. */
import { browserEnvironment } from './browser-environment';
import { mount } from './mount';
import { nextTask } from './next-task';

export async function start(root: HTMLElement): Promise<void> {
  // The scripts have been evaluated: that was a task already.
  await nextTask();
  await mount(root, browserEnvironment());
}
