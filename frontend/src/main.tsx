import { effect } from '@preact/signals';
import { render } from 'preact';
import { App } from './app';
import { site } from './view';
import 'uplot/dist/uPlot.min.css';
import './styles/index.css';

effect(() => {
  document.title = site.value === null ? 'Energy Readings' : `${site.value} · Energy Readings`;
});

const root = document.getElementById('app');
if (root !== null) render(<App />, root);
