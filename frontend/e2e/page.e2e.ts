/** One session on the page, on the real product in a real browser. */
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { violations } from './accessibility';
import { type Browser, openBrowser, type PageLog, pageLog } from './browser';
import { type Product, startProduct } from './product';

/** A slash for the path, markup for the page, letters beyond ASCII for both; new in every run. */
const SITE = `maison n°1/étage <script>alert(1)</script> ${Date.now()}`;

let product: Product;
let browser: Browser;
let page: Page;
let log: PageLog;

beforeAll(async () => {
  product = await startProduct();
  browser = await openBrowser(product.url);
  page = browser.context.pages()[0] ?? (await browser.context.newPage());
  log = pageLog(page);
});

afterAll(async () => {
  await browser?.close();
  await product?.stop();
});

const form = () => page.getByRole('region', { name: 'Send a reading' });
const field = (label: string | RegExp) => form().getByLabel(label, { exact: true });
const send = () => form().getByRole('button', { name: 'Send' }).click();
const siteLink = () => page.getByRole('link', { name: SITE }).first();
const siteHeading = (site: string) => page.getByRole('heading', { level: 2, name: site });

describe('the page', () => {
  it('shows the health of the pipeline', async () => {
    await page.goto('/');
    await page.getByRole('region', { name: 'Pipeline health' }).getByText('Healthy').waitFor();
  });

  it('shows validation errors beside the fields', async () => {
    await field('Site').fill(SITE);
    await field('Device').fill('');
    await field('Power (W)').fill('-1');
    await send();
    await page.locator('#device_id-error').getByText('Enter the name of the device.').waitFor();
    await page.locator('#power_reading-error').getByText('cannot be less than 0 W').waitFor();
    expect(await page.locator('[aria-invalid="true"]').count()).toBe(2);
    expect(await page.evaluate(() => document.activeElement?.id)).toBe('device_id');
  });

  it('sends local time with its offset, and shows which instant that is', async () => {
    await field('Device').fill('main-meter');
    await field('Power (W)').fill('1.500,55');
    await form().getByText('1,500.55 W').waitFor();
    await field(/^Time/).fill('2024-01-15T11:30:05');
    await page.getByText('2024-01-15 10:30:05 UTC').waitFor();
    const [request] = await Promise.all([page.waitForRequest('**/api/readings'), send()]);
    expect(request.postDataJSON()).toEqual({
      site_id: SITE,
      device_id: 'main-meter',
      power_reading: 1500.55,
      timestamp: '2024-01-15T11:30:05+01:00',
    });
  });

  it('follows the accepted reading until it is stored', async () => {
    await page.getByText(/with the id \d+-\d+/).waitFor();
    await page.getByText(/Stored after [\d.]+ m?s/).waitFor();
  });

  it('lists the new site, and draws it and its reading once it is picked', async () => {
    await siteLink().click();
    await siteHeading(SITE).waitFor();
    await page.locator('.plot canvas').waitFor();
    await page
      .getByRole('row', { name: /^15 Jan 2024, 11:30:05 1,500.55 main-meter 2024-01-15T11:30:05\+01:00/ })
      .waitFor();
    expect(await page.locator('script:not([src])').count()).toBe(0);
  });

  it('keeps the site over a reload, and goes back and forward', async () => {
    await page.reload();
    await page.getByRole('cell', { name: '2024-01-15T11:30:05+01:00' }).waitFor();
    await page.goBack();
    await page.getByRole('heading', { name: 'Pick a site' }).waitFor();
    await page.goForward();
    await siteHeading(SITE).waitFor();
  });

  it.each(['light', 'dark'] as const)(
    'breaks no rule of WCAG 2.2 AA that axe can check, when %s',
    async (colorScheme) => {
      await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
      await page.locator('.plot canvas').waitFor();
      expect(await violations(page)).toEqual([]);
    },
  );

  it('marks old numbers as not live when the API stops responding', async () => {
    const other = await browser.context.newPage();
    await other.route(/\/(?:api|ingestion)\/health$/, (route) => route.abort());
    await other.goto('/');
    await other.getByText('The server does not answer.').waitFor();
    await other.getByRole('region', { name: 'Pipeline health' }).getByText('Unreachable').waitFor();
    await other.close();
  });

  it('asks for an API key while requests are rejected without one, and heals when they no longer are', async () => {
    const other = await browser.context.newPage();
    let isRejected = true;
    const body = { detail: 'no key', code: 'api_key_missing', request_id: 'r' };
    await other.route(/\/api\/sites/, (route) =>
      isRejected ? route.fulfill({ status: 401, json: body }) : route.continue(),
    );
    await other.goto(`/?${new URLSearchParams({ site: SITE })}`);
    const card = other.getByRole('region', { name: 'This server needs an API key' });
    await card.waitFor();
    await other.getByText('The readings could not be loaded.').waitFor();
    isRejected = false;
    // As when the tab is shown again: the page does not wait for the next poll then.
    await other.evaluate(() => document.dispatchEvent(new Event('visibilitychange')));
    await card.waitFor({ state: 'detached' });
    await other.getByRole('cell', { name: '2024-01-15T11:30:05+01:00' }).waitFor();
    await other.close();
  });

  it('has no error but the rejected reading, and sends requests to no other origin', async () => {
    const rejections = log.errors.filter(
      (error) => error.includes('status of 422') && error.endsWith('/api/readings'),
    );
    expect(rejections).toHaveLength(1);
    expect(log.errors).toEqual(rejections);
    expect([...log.origins]).toEqual([new URL(product.url).origin]);
  });

  it('ends with the product, which stops cleanly when it is asked to', async () => {
    await browser.close();
    expect(await product.stop()).toBe(0);
  });
});
