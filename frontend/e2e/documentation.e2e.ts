/** The documentation of both services, tried out directly and behind the page's prefixes. */
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Browser, openBrowser, pageLog } from './browser';
import { type Keys, newKeys } from './keys';
import { type Product, startProduct } from './product';

let product: Product;
let browser: Browser;

/** Each of these descriptions has a product of its own. */
function startWith(settings: () => Promise<Record<string, string>>): void {
  beforeAll(async () => {
    product = await startProduct(await settings());
    browser = await openBrowser(product.url);
  });
  afterAll(async () => {
    await browser?.close();
    await product?.stop();
  });
}

/** Opens the documentation, which must end without anything that its Content-Security-Policy keeps out. */
async function reading<T>(docs: string, read: (page: Page) => Promise<T>): Promise<T> {
  const page = await browser.context.newPage();
  const log = pageLog(page);
  await page.goto(docs);
  const result = await read(page);
  expect(log.errors.filter((error) => error.includes('Content Security Policy'))).toEqual([]);
  await page.close();
  return result;
}

/** Has the documentation send `GET` to a path, and gives the URL that it sent it to and the status. */
async function tryOut(page: Page, path: string): Promise<[string, number]> {
  const summary = page.locator('.opblock-summary', { has: page.getByText(path, { exact: true }) });
  const operation = page.locator('.opblock', { has: summary }).first();
  await operation.getByRole('button').first().click();
  await operation.getByRole('button', { name: 'Try it out' }).click();
  const [response] = await Promise.all([
    page.waitForResponse((answer) => new URL(answer.url()).pathname.endsWith(path)),
    operation.getByRole('button', { name: 'Execute' }).click(),
  ]);
  // The documentation fills in examples of parameters.
  const { origin, pathname } = new URL(response.url());
  return [origin + pathname, response.status()];
}

function proxied(...paths: string[]): string[] {
  return paths.map((path) => new URL(path, product.url).href);
}

describe('the documentation', () => {
  startWith(async () => ({}));

  it('asks the service that it documents, wherever it is read', async () => {
    for (const docs of [...product.docs, ...proxied('api/docs', 'ingestion/docs')]) {
      expect(await reading(docs, (page) => tryOut(page, '/livez'))).toEqual([
        docs.replace(/docs$/, 'livez'),
        200,
      ]);
    }
  });

  it('leads back to the page, and is named after its service', async () => {
    const [docs = ''] = proxied('api/docs');
    await reading(docs, async (page) => {
      expect(await page.title()).toBe('Processing Service');
      await page.getByRole('link', { name: 'Energy Readings' }).click();
      await page.getByRole('heading', { name: 'Pick a site' }).waitFor();
    });
  });

  it('leads nowhere where there is no page', async () => {
    const [docs] = product.docs;
    if (docs === undefined) return;
    await reading(docs, async (page) => {
      expect(await page.title()).toBe('Ingestion API');
      await page.locator('.opblock').first().waitFor();
      expect(await page.getByRole('link', { name: 'Energy Readings' }).isVisible()).toBe(false);
    });
  });
});

describe('the documentation of a server with API keys', () => {
  let keys: Keys;
  let reader: string;

  startWith(async () => {
    keys = await newKeys();
    reader = await keys.create('read');
    return keys.settings;
  });
  afterAll(() => keys?.remove());

  it('is open, and sends requests with the key that it is given under “Authorize”', async () => {
    const [, processing = ''] = product.docs;
    for (const docs of [processing, ...proxied('api/docs')]) {
      const sites = docs.replace(/docs$/, 'sites');
      expect(await reading(docs, (page) => tryOut(page, '/sites'))).toEqual([sites, 401]);
      const authorized = await reading(docs, async (page) => {
        await authorize(page, reader);
        return tryOut(page, '/sites');
      });
      expect(authorized).toEqual([sites, 200]);
    }
  });
});

async function authorize(page: Page, key: string): Promise<void> {
  await page.getByRole('button', { name: 'Authorize', exact: true }).first().click();
  const dialog = page.locator('.modal-ux');
  await dialog.locator('input').first().fill(key);
  await dialog.getByRole('button', { name: 'Apply credentials' }).first().click();
  await dialog.getByRole('button', { name: 'Close' }).first().click();
}
