/** The page of this browser. */
import { browserEnvironment } from './browser-environment';
import { mount } from './mount';
import { nextTask } from './next-task';

const root = document.getElementById('app');
await nextTask();
if (root !== null) await mount(root, browserEnvironment());
