/** What a browser receives of the page itself, compressed: on a slow line it is most of the wait. */
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Browser, openBrowser } from './browser';
import { type Product, startProduct } from './product';

/** Without headers; `docs/page-benchmarks.md` has the present figures. */
const MAX_BYTES = 80_000;

let product: Product;
let browser: Browser;

beforeAll(async () => {
  product = await startProduct();
  browser = await openBrowser(product.url);
});

afterAll(async () => {
  await browser?.close();
  await product?.stop();
});

describe('the page', () => {
  it.each(['en', 'de', 'fr', 'es'])('is small, and loads its own language only, in %s', async (language) => {
    const page = await browser.context.newPage();
    const received = await receivedBy(page);
    await page.addInitScript((chosen) => localStorage.setItem('language', chosen), language);
    await page.goto('/?site=nothing');
    await page.locator('.blank-card').waitFor();
    // The last of its files that is loaded: without keys every user is an operator.
    await page.locator('.card-pipeline').waitFor();
    expect(await page.evaluate(() => document.documentElement.lang)).toBe(language);
    const languages = [...received.keys()].flatMap((path) => /^\/assets\/(\w\w)-/.exec(path)?.[1] ?? []);
    expect(languages).toEqual([language]);
    const sum = [...received.values()].reduce((bytes, each) => bytes + each, 0);
    expect(sum).toBeGreaterThan(30_000);
    expect(sum).toBeLessThanOrEqual(MAX_BYTES);
    await page.close();
  });
});

/** By path; what the services send is no part of the page. */
async function receivedBy(page: Page): Promise<Map<string, number>> {
  const received = new Map<string, number>();
  const paths = new Map<string, string>();
  const session = await page.context().newCDPSession(page);
  await session.send('Network.enable');
  await session.send('Network.setCacheDisabled', { cacheDisabled: true });
  session.on('Network.responseReceived', ({ requestId, response }) =>
    paths.set(requestId, new URL(response.url).pathname),
  );
  session.on('Network.dataReceived', ({ requestId, encodedDataLength }) => {
    const path = paths.get(requestId) ?? '';
    const isOfPage = path.startsWith('/') && !/^\/(?:api|ingestion)\//.test(path);
    if (isOfPage) received.set(path, (received.get(path) ?? 0) + encodedDataLength);
  });
  return received;
}
