import { browserEnvironment } from './app/browser-environment';
import { mount } from './app/mount';
import 'uplot/dist/uPlot.min.css';
import './styles/index.css';

const root = document.getElementById('app');
if (root !== null) void mount(root, browserEnvironment());
