/** What users see of a Redis that does not answer, of entries that cannot be processed, and of a second click. */
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { sendBatch } from './batch';
import { type Browser, openBrowser } from './browser';
import type { PrivateRedis } from './private-redis';
import { type Product, startProduct } from './product';

const SITE = 'house-01';
/** Of the page's own promise of two seconds, with time for the machine of a test. */
const SOON = { timeout: 4_000 };

let product: Product;
let redis: PrivateRedis;
let browser: Browser;
let page: Page;

beforeAll(async () => {
  // One that this test may freeze.
  product = await startProduct({ LOG_LEVEL: 'info' });
  if (product.redis === null) throw new Error('this product has no Redis of its own');
  redis = product.redis;
  browser = await openBrowser(product.url);
  page = await browser.context.newPage();
  await page.goto(`/?site=${SITE}`);
});

afterAll(async () => {
  await browser?.close();
  await product?.stop();
});

const form = () => page.getByRole('region', { name: 'Send a reading' });
const health = () => page.getByRole('region', { name: 'Pipeline health' });
const fill = async (power: string) => {
  await form().getByLabel('Device', { exact: true }).fill('meter');
  await form().getByLabel('Power (W)', { exact: true }).fill(power);
};
const send = async (power: string) => {
  const reading = { site_id: SITE, device_id: 'meter', power_reading: Number(power) };
  await sendBatch(product.url, [JSON.stringify({ ...reading, timestamp: new Date().toISOString() })]);
};
const rows = () => redis.command('ZCARD', `site:${SITE}:readings`);

describe('a reading', () => {
  it('is stored once when its button is clicked twice', async () => {
    await fill('1500,55');
    await form().getByRole('button', { name: 'Send' }).dblclick();
    await form()
      .getByText(/Stored after/)
      .waitFor();
    await page.getByText(/^1 to 1, times in/).waitFor();
    expect(await rows()).toBe(':1');
    await form().getByRole('button', { name: 'Send' }).click();
    await form()
      .getByText(/It is not sent twice/)
      .waitFor();
    expect(await rows()).toBe(':1');
  });
});

describe('a Redis that does not answer', () => {
  it('is seen within two seconds', async () => {
    await health().getByText('Healthy').waitFor();
    await redis.freeze();
    await health()
      .getByText(/Slow|No database/)
      .waitFor(SOON);
  });

  it('leaves a reading that can be sent again without a second row', async () => {
    await fill('1600');
    await form().getByRole('button', { name: 'Send' }).click();
    await form()
      .getByText(/it is stored only once/)
      .waitFor();
    await redis.thaw();
    await form().getByRole('button', { name: 'Send' }).click();
    await form()
      .getByText(/Stored after/)
      .waitFor();
    expect(await rows()).toBe(':2');
  });

  it('is back within two seconds, without a click', async () => {
    await health().getByText('Healthy').waitFor(SOON);
  });

  it('leaves what is shown in sight, marked as old, and shows the present again without a click', async () => {
    const row = page.getByRole('row', { name: /^meter 1,600/ });
    await row.first().waitFor();
    await redis.freeze();
    await page.getByRole('button', { name: 'Refresh' }).click();
    await page.getByText('These readings could not be refreshed.').waitFor();
    await page.getByText('Not up to date').waitFor();
    await row.first().waitFor();
    await redis.thaw();
    await page.getByText('These readings could not be refreshed.').waitFor({ state: 'detached' });
    await page.locator('.live-live').waitFor();
  });
});

describe('a connection that is lost once the page is there', () => {
  it('is named where a reading was sent, which can be sent again', async () => {
    // With an empty cache.
    const fresh = await openBrowser(product.url);
    const other = await fresh.context.newPage();
    await other.goto(`/?site=${SITE}`);
    const otherForm = other.getByRole('region', { name: 'Send a reading' });
    await otherForm.getByLabel('Device', { exact: true }).fill('meter');
    await otherForm.getByLabel('Power (W)', { exact: true }).fill('1650');
    const sendIt = otherForm.getByRole('button', { name: 'Send' });
    // What the page loads when it is first shown cannot be loaded from here on.
    await fresh.context.setOffline(true);
    await sendIt.click();
    await otherForm.getByText('The server could not be reached').waitFor();
    await otherForm.getByText(/it is stored only once/).waitFor();
    await fresh.context.setOffline(false);
    await sendIt.click();
    await otherForm.getByText(/Stored after/).waitFor();
    expect(await rows()).toBe(':3');
    await fresh.close();
  });
});

describe('a server that ends', () => {
  it('is no server to the page, which shows what arrived meanwhile once it is back', async () => {
    await page.route(/\/(?:api|ingestion)\//, (route) => route.abort());
    await health().getByText('Unreachable').waitFor(SOON);
    await send('1700');
    await page.unrouteAll();
    await health().getByText('Healthy').waitFor(SOON);
    await page
      .getByRole('row', { name: /^meter 1,700/ })
      .first()
      .waitFor();
  });
});

describe('events that a proxy keeps back', () => {
  it('leave the page asking every ten seconds, and saying so', async () => {
    const other = await browser.context.newPage();
    await other.route('**/events', (route) => route.abort());
    await other.goto(`/?site=${SITE}`);
    await other.getByText('Every 10 seconds').waitFor();
    await send('1800');
    await other
      .getByRole('row', { name: /^meter 1,800/ })
      .first()
      .waitFor();
    await other.close();
  });
});

describe('an answer that this page does not understand', () => {
  it('is an error of its part of the page, beside all others', async () => {
    const other = await browser.context.newPage();
    await other.route('**/api/pipeline', (route) => route.fulfill({ json: {} }));
    await other.goto(`/?site=${SITE}`);
    await other.getByText('This part of the page has an error.').waitFor();
    await other.locator('.plot canvas').waitFor();
    await other.unrouteAll();
    // The first answer that it understands is used when the second one comes.
    for (let count = 0; count < 2; count++) await other.waitForResponse('**/api/pipeline');
    await other.getByRole('button', { name: 'Show it again' }).click();
    await other.getByRole('region', { name: 'Pipeline', exact: true }).getByText('Oldest pending').waitFor();
    await other.close();
  });
});

describe('an entry that cannot be processed', () => {
  it('is seen in the header, and deleted in the panel', async () => {
    await redis.command('XADD', 'energy_readings', '*', 'garbage', 'x');
    await health().getByText('Dead letters').waitFor();
    const panel = page.getByRole('region', { name: 'Pipeline', exact: true });
    await panel.getByRole('button', { name: 'Show 1 dead letter' }).click();
    await panel.getByRole('button', { name: /^Delete / }).click();
    await panel.getByRole('button', { name: /^Delete / }).click();
    await panel.getByText(/is deleted/).waitFor();
    await health().getByText('Healthy').waitFor(SOON);
  });
});
