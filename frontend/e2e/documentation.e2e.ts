/** The documentation of both services, tried out directly and behind the page's prefixes. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Browser, openBrowser, pageLog } from './browser';
import { type Product, startProduct } from './product';

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

/** Has the documentation ask `GET /livez`, and gives the URL that it asked and the status. */
async function tryOut(docs: string): Promise<[string, number]> {
  const page = await browser.context.newPage();
  const log = pageLog(page);
  await page.goto(docs);
  const operation = page.locator('.opblock', { hasText: '/livez' });
  await operation.getByRole('button').first().click();
  await operation.getByRole('button', { name: 'Try it out' }).click();
  const [response] = await Promise.all([
    page.waitForResponse((answer) => answer.url().endsWith('/livez')),
    operation.getByRole('button', { name: 'Execute' }).click(),
  ]);
  // Nothing of it is kept out by its Content-Security-Policy.
  expect(log.errors.filter((error) => error.includes('Content Security Policy'))).toEqual([]);
  await page.close();
  return [response.url(), response.status()];
}

it('asks the service that it documents, wherever it is read', async () => {
  const proxied = ['api/docs', 'ingestion/docs'].map((path) => new URL(path, product.url).href);
  for (const docs of [...product.docs, ...proxied]) {
    expect(await tryOut(docs)).toEqual([docs.replace(/docs$/, 'livez'), 200]);
  }
});
