/** The page of this browser. */
import { options } from 'preact';
import { browserEnvironment } from './browser-environment';
import { mount } from './mount';
import { nextTask } from './next-task';

// What arrives is read in one task and drawn in the next: neither keeps a click waiting for both.
options.debounceRendering = (draw) => void nextTask().then(draw);

const root = document.getElementById('app');
await nextTask();
if (root !== null) await mount(root, browserEnvironment());
