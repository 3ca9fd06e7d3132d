/** A page that says when its chart was painted, what it has moved, and what it has received. */
import { type Browser, type BrowserContext, type CDPSession, chromium, type Page } from 'playwright-core';
import { type MainThread, mainThread } from './trace';

export interface View {
  url: string;
  query?: Record<string, string>;
  viewport?: { width: number; height: number };
  locale?: string;
  network?: Network;
}

export interface Network {
  bitsPerSecond: number;
  latencyMs: number;
}

export interface Load {
  page: Page;
  /** From the beginning of the navigation until the frame with the chart. */
  chartMs: number;
  /** Bytes as received, without headers. */
  pageBytes: number;
  dataBytes: number;
  shift: number;
  main: MainThread;
}

/** Runs before the page does, and leaves what it sees in attributes of the document. */
function observe(): void {
  let shift = 0;
  const leave = (name: string, value: number) => {
    document.documentElement.dataset[name] = String(value);
  };
  new PerformanceObserver((list) => {
    for (const entry of list.getEntries() as (PerformanceEntry & {
      value: number;
      hadRecentInput: boolean;
    })[])
      if (!entry.hadRecentInput) shift += entry.value;
    leave('shift', shift);
  }).observe({ type: 'layout-shift', buffered: true });
  const observer = new MutationObserver(() => {
    if (document.querySelector('.plot canvas') === null) return;
    observer.disconnect();
    // What is drawn within a frame is on the screen when the next one begins.
    requestAnimationFrame(() => requestAnimationFrame(() => leave('chartMs', performance.now())));
  });
  observer.observe(document, { childList: true, subtree: true });
}

export class MeasuredBrowser {
  private constructor(
    readonly browser: Browser,
    readonly session: CDPSession,
  ) {}

  static async launch(): Promise<MeasuredBrowser> {
    const browser = await chromium.launch({
      executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
      args: ['--headless', '--no-sandbox', '--disable-gpu', '--disable-background-networking'],
    });
    return new MeasuredBrowser(browser, await browser.newBrowserCDPSession());
  }

  /** Loads a view with an empty cache, until its chart and its rows are there. */
  async load(view: View): Promise<Load> {
    const { url, query = {}, viewport = { width: 1360, height: 960 }, locale = 'en-GB', network } = view;
    const context = await this.browser.newContext({ viewport, locale, timezoneId: 'Europe/Paris' });
    const page = await context.newPage();
    const bytes = await receivedBytes(context, page, network);
    await page.addInitScript(observe);
    const main = await mainThread(this.session, url, async () => {
      await page.goto(new URL(`/?${new URLSearchParams(query)}`, url).href, { waitUntil: 'commit' });
      await page.locator('html[data-chart-ms]').waitFor();
      await page.locator('.reading').first().waitFor();
      await page.waitForTimeout(500);
    });
    const { chartMs, shift } = await page.evaluate(() => ({ ...document.documentElement.dataset }));
    return { page, chartMs: Number(chartMs), shift: Number(shift ?? 0), main, ...bytes() };
  }

  /** While something is done to a page that is loaded. */
  mainThread(url: string, run: () => Promise<unknown>): Promise<MainThread> {
    return mainThread(this.session, url, run);
  }

  close(): Promise<void> {
    return this.browser.close();
  }
}

/** Counts what the page receives; its events do not end and are not counted. */
async function receivedBytes(
  context: BrowserContext,
  page: Page,
  network: Network | undefined,
): Promise<() => { pageBytes: number; dataBytes: number }> {
  const session = await context.newCDPSession(page);
  await session.send('Network.enable');
  if (network !== undefined) {
    const throughput = network.bitsPerSecond / 8;
    await session.send('Network.emulateNetworkConditions', {
      offline: false,
      latency: network.latencyMs,
      downloadThroughput: throughput,
      uploadThroughput: throughput,
    });
  }
  const paths = new Map<string, string>();
  const received = { pageBytes: 0, dataBytes: 0 };
  session.on('Network.responseReceived', ({ requestId, response }) =>
    paths.set(requestId, new URL(response.url).pathname),
  );
  session.on('Network.dataReceived', ({ requestId, encodedDataLength }) => {
    const path = paths.get(requestId) ?? '';
    const kind = /^\/(?:api|ingestion)\//.test(path) ? 'dataBytes' : 'pageBytes';
    received[kind] += encodedDataLength;
  });
  return () => ({ ...received });
}
