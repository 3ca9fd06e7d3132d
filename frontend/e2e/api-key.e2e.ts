/** The page of a server with API keys: without one, with one that only reads, and with one that reads and writes. */
import { readFile } from 'node:fs/promises';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { violations } from './accessibility';
import { type Browser, openBrowser } from './browser';
import { type Keys, newKeys } from './keys';
import { type Product, startProduct } from './product';

const SITE = 'house-01';

let keys: Keys;
let reader: string;
let writer: string;
let sender: string;
let product: Product;
let browser: Browser;
let page: Page;
/** Everything that must not contain a key: addresses, what the console shows, what the pages show. */
const seen: string[] = [];

beforeAll(async () => {
  keys = await newKeys();
  reader = await keys.create('read');
  writer = await keys.create('read,write');
  sender = await keys.create('write');
  product = await startProduct(keys.settings);
  browser = await openBrowser(product.url);
  page = await newTab();
});

afterAll(async () => {
  await browser?.close();
  await product?.stop();
  await keys?.remove();
});

async function newTab(): Promise<Page> {
  const tab = await browser.context.newPage();
  tab.on('console', (message) => seen.push(message.text(), message.location().url));
  tab.on('pageerror', (error) => seen.push(String(error)));
  tab.on('request', (request) => seen.push(request.url()));
  tab.on('framenavigated', (frame) => seen.push(frame.url()));
  return tab;
}

const card = (of = page) => of.getByRole('region', { name: 'This server needs an API key' });
const keyField = (of = page) => card(of).getByLabel('API key', { exact: true });
const form = () => page.getByRole('region', { name: 'Send a reading' });
const forget = (of = page) => of.getByRole('button', { name: 'Forget the API key' });

async function enter(key: string, of = page): Promise<void> {
  await keyField(of).fill(key);
  await card(of).getByRole('button', { name: 'Use the key' }).click();
}

async function send(): Promise<void> {
  await form().getByLabel('Site', { exact: true }).fill(SITE);
  await form().getByLabel('Device', { exact: true }).fill('meter');
  await form().getByLabel('Power (W)', { exact: true }).fill('1500');
  await form().getByRole('button', { name: 'Send' }).click();
}

/** The number of keys that the tab and the device keep. */
function stored(of = page): Promise<[number, number]> {
  return of.evaluate(() => {
    const keysIn = (storage: Storage) => Object.values({ ...storage }).filter((value) => /^enp_/.test(value));
    return [keysIn(sessionStorage).length, keysIn(localStorage).length];
  });
}

describe('the page of a server with API keys', () => {
  it('asks for a key, and still shows the health of the pipeline', async () => {
    await page.goto('/');
    await keyField().waitFor();
    expect(await keyField().getAttribute('type')).toBe('password');
    expect(await keyField().getAttribute('autocomplete')).toBe('off');
    await page.getByRole('region', { name: 'Pipeline health' }).getByText('Healthy').waitFor();
    expect(await forget().count()).toBe(0);
  });

  it.each(['light', 'dark'] as const)(
    'breaks no rule of WCAG 2.2 AA that axe can check, when %s',
    async (colorScheme) => {
      await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
      await enter('not a key');
      await card().getByText('A key has letters').waitFor();
      expect(await violations(page)).toEqual([]);
    },
  );

  it('says that a key is unknown, and takes the focus back to the field', async () => {
    await enter(`${reader.slice(0, -4)}AAAA`);
    await card().getByText('does not know this API key').waitFor();
    await page.waitForFunction(() => document.activeElement?.id === 'api-key');
    expect(await keyField().inputValue()).toBe('');
  });

  it('shows what it reads with a key of that scope, and keeps the key with the tab only', async () => {
    await enter(reader);
    await page.getByText('No site has a stored reading yet').waitFor();
    await card().waitFor({ state: 'detached' });
    expect(await page.evaluate(() => document.activeElement?.id)).toBe('main');
    expect(await stored()).toEqual([1, 0]);
  });

  it('says which scope a key lacks for sending, and sends once it has one with it', async () => {
    await send();
    await form().getByText('lacks the scope “write”').waitFor();
    await card().getByText('lacks the scope “write”').waitFor();
    await form().getByRole('button', { name: 'Enter a key' }).click();
    await page.waitForFunction(() => document.activeElement?.id === 'api-key');
    await enter(writer);
    await card().waitFor({ state: 'detached' });
    await send();
    await form()
      .getByText(/Stored after/)
      .waitFor();
  });

  it('loads the readings of a site with the key, also after a reload', async () => {
    await page.getByRole('link', { name: SITE }).first().click();
    await page.getByRole('cell', { name: '1,500' }).first().waitFor();
    await page.reload();
    await page.getByRole('cell', { name: '1,500' }).first().waitFor();
  });

  it('downloads the readings with the key, which no link could send', async () => {
    const [download] = await Promise.all([
      page.waitForEvent('download'),
      page.getByRole('button', { name: 'Download CSV' }).click(),
    ]);
    expect(download.suggestedFilename()).toBe(`${SITE}.csv`);
    const [head, row] = (await readFile(await download.path(), 'utf8')).split('\r\n');
    expect(head).toContain('site_id,device_id,power_reading,timestamp');
    expect(row).toContain(`${SITE},meter,1500.0,`);
  });

  it('offers no deletion to a key that may not delete', async () => {
    expect(await page.getByRole('button', { name: /^Delete/ }).count()).toBe(0);
    expect(await page.getByRole('region', { name: 'Pipeline', exact: true }).count()).toBe(0);
  });

  it('says what a key that only sends does not show', async () => {
    const tab = page;
    page = await newTab();
    await page.goto('/');
    await enter(sender);
    await card().getByText('lacks the scope “read”').waitFor();
    await send();
    await form().getByText('whether it is already is not shown').waitFor();
    await page.close();
    page = tab;
  });

  it('remembers a key on the device when it is asked to, for further tabs', async () => {
    const other = await newTab();
    await other.goto('/');
    await card(other).getByRole('checkbox', { name: 'Remember it on this device' }).check();
    await enter(writer, other);
    await other.getByRole('link', { name: SITE }).first().waitFor();
    expect(await stored(other)).toEqual([0, 1]);
    const third = await newTab();
    await third.goto(`/?site=${SITE}`);
    await third.getByRole('cell', { name: '1,500' }).first().waitFor();
    expect(await card(third).count()).toBe(0);

    await forget(third).click();
    await keyField(third).waitFor();
    expect(await stored(third)).toEqual([0, 0]);
    expect(await third.getByRole('cell', { name: '1,500' }).count()).toBe(0);
    // The tab that had it from the device has lost it, the one with its own keeps it.
    await keyField(other).waitFor();
    expect(await stored(page)).toEqual([1, 0]);
    await Promise.all([other.close(), third.close()]);
  });

  it('never shows a key, in an address, on the console or in the log', async () => {
    for (const tab of browser.context.pages()) seen.push(tab.url(), await tab.content());
    const secrets = [reader, writer, sender].map((key) => key.replace(/^enp_[^_]+_/, ''));
    expect(secrets.every((secret) => secret.length >= 16)).toBe(true);
    const places = [...seen, product.output()];
    expect(secrets.filter((secret) => places.some((place) => place.includes(secret)))).toEqual([]);
  });
});
