/** A householder who asks how much, and an analyst who asks how much on which day, on the real product. */
import { readFile } from 'node:fs/promises';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { violations } from './accessibility';
import { houseMonths, sendBatch } from './batch';
import { type Browser, openBrowser, type PageLog, pageLog } from './browser';
import { type Product, startProduct } from './product';

const HOME = `home ${Date.now()}`;
const HOUSE = 'house-01';
const MINUTE = 60_000;
const PHONE = { width: 390, height: 844 };

let product: Product;
let browser: Browser;
let page: Page;
let log: PageLog;

/** Of the last 30 hours, every quarter of an hour. */
function recently(): string[] {
  const rows = Array.from({ length: 120 }, (_, index) => new Date(Date.now() - (120 - index) * 15 * MINUTE));
  const row = (device_id: string, power_reading: number, time: Date) =>
    JSON.stringify({ site_id: HOME, device_id, power_reading, timestamp: time.toISOString() });
  return rows.flatMap((time) => [row('main-meter', 1000, time), row('pv-inverter', 400, time)]);
}

beforeAll(async () => {
  product = await startProduct();
  await sendBatch(product.url, recently());
  await sendBatch(product.url, await houseMonths(HOUSE, ['2016-10', '2016-11', '2017-03']));
  browser = await openBrowser(product.url);
  page = await browser.context.newPage();
  log = pageLog(page);
});

afterAll(async () => {
  await browser?.close();
  await product?.stop();
});

const card = (name: string) => page.getByRole('region', { name, exact: true });
const show = (query: Record<string, string>) => page.goto(`/?${new URLSearchParams(query)}`);
const energyRows = () => card('Energy').locator('tbody tr');
const energyTable = async () => {
  await card('Energy').getByRole('button', { name: 'Table' }).click();
  await energyRows().first().waitFor();
};

describe('a householder', () => {
  it('sees power now, and kWh of today and yesterday, of each device', async () => {
    await show({ site: HOME });
    // The power is 1 kW all the time: a kWh an hour.
    await page.getByRole('row', { name: /^main-meter 1,000 W .* ago/ }).waitFor();
    await card('Power').locator('canvas').waitFor();
    await card('Energy').locator('.bar').first().waitFor();
    expect(await card('At a glance').getByText('Sum of the devices').count()).toBe(0);
  });

  it('has the figures and the chart in the first screen of a phone', async () => {
    await page.setViewportSize(PHONE);
    const box = await card('Power').locator('canvas').boundingBox();
    expect((box?.y ?? 0) + (box?.height ?? 0)).toBeLessThanOrEqual(PHONE.height);
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(PHONE.width);
    await page.setViewportSize({ width: 1360, height: 960 });
  });

  it('sees a new reading without a click', async () => {
    const reading = { site_id: HOME, device_id: 'main-meter', power_reading: 4321 };
    await sendBatch(product.url, [JSON.stringify({ ...reading, timestamp: new Date().toISOString() })]);
    await page.getByRole('row', { name: /^main-meter 4,321 W/ }).waitFor();
  });

  it('deletes a reading that is wrong', async () => {
    const row = () => card('Readings').getByRole('row', { name: /4,321 main-meter/ });
    await row()
      .getByRole('button', { name: /^Delete/ })
      .click();
    await row()
      .getByRole('button', { name: /^Delete/ })
      .click();
    await page.getByText(/^The reading \d+-\d+ is deleted\.$/).waitFor();
    await row().waitFor({ state: 'detached' });
    await page.getByRole('row', { name: /^main-meter 1,000 W/ }).waitFor();
  });

  it('goes to the day before and back', async () => {
    await page.getByRole('button', { name: 'Today' }).click();
    await page.getByRole('button', { name: 'Period before' }).click();
    await page.waitForURL(/range=day%40/);
    await page.goBack();
    await page.waitForURL(/range=day$/);
  });
});

describe('an installer', () => {
  it('sees when each device was seen, and that it is on time', async () => {
    await show({ site: HOME });
    await card('Devices')
      .getByRole('row', { name: /^main-meter 1,000 .* ago 15 min.* 120 .*On time/ })
      .waitFor();
  });

  it('looks at one device alone', async () => {
    await card('Devices').getByRole('button', { name: 'Only this device: pv-inverter' }).click();
    await page.waitForURL(/device=pv-inverter/);
    await card('Readings').getByText('main-meter').first().waitFor({ state: 'detached' });
    await card('Devices').getByRole('button', { name: 'All devices' }).click();
    await card('Readings').getByText('main-meter').first().waitFor();
  });

  it('moves the chart by a finger', async () => {
    const touch = await browser.context.newPage();
    const client = await browser.context.newCDPSession(touch);
    await client.send('Emulation.setTouchEmulationEnabled', { enabled: true });
    await touch.goto(`/?${new URLSearchParams({ site: HOME })}`);
    const box = await touch.locator('.plot .u-over').boundingBox();
    const point = (share: number) => ({
      x: (box?.x ?? 0) + share * (box?.width ?? 0),
      y: (box?.y ?? 0) + 80,
    });
    const send = (
      type: 'touchStart' | 'touchMove' | 'touchEnd',
      ...touchPoints: { x: number; y: number }[]
    ) => client.send('Input.dispatchTouchEvent', { type, touchPoints });
    await send('touchStart', point(0.3));
    await send('touchMove', point(0.5));
    await send('touchMove', point(0.7));
    await send('touchEnd');
    await touch.waitForURL(/from=/);
    await touch.close();
  });
});

describe('an analyst', () => {
  it.each([
    ['America/Los_Angeles', '2016-11-06', 25],
    ['America/Los_Angeles', '2017-03-12', 23],
    ['Europe/Paris', '2016-10-30', 25],
    ['Europe/Paris', '2017-03-26', 23],
  ])('sees in %s that %s has %i hours', async (tz, date, hours) => {
    await show({ site: HOUSE, tz, range: `day@${date}` });
    await energyTable();
    expect(await energyRows().count()).toBe(hours);
  });

  it('sees the energy of that day, which is that of the readings', async () => {
    await show({ site: HOUSE, tz: 'America/Los_Angeles', range: 'month@2016-11-01', device: 'main-meter' });
    await energyTable();
    await page.getByRole('row', { name: 'Sun, 6 Nov 2016 41.9', exact: true }).waitFor();
  });

  it('drills down to a day, whose readings are in the table', async () => {
    await card('Energy').getByRole('button', { name: 'Sun, 6 Nov 2016' }).click();
    await page.getByText(/^1 to 25, times in America\/Los_Angeles/).waitFor();
    // The hour that comes twice has its offset.
    await card('Readings')
      .getByText(/^06 Nov 2016, 01:00:00 -08:00/)
      .waitFor();
  });

  it('downloads them as CSV', async () => {
    const [download] = await Promise.all([
      page.waitForEvent('download'),
      card('Readings').getByRole('link', { name: 'Download CSV' }).click(),
    ]);
    const lines = (await readFile(await download.path(), 'utf8')).trim().split('\r\n');
    expect(lines).toHaveLength(26);
    // Of what is seen: this day and device, and each power as it was sent.
    const cells = lines.slice(1).map((line) => line.split(','));
    expect(new Set(cells.map(([, site, device]) => `${site} ${device}`))).toEqual(
      new Set([`${HOUSE} main-meter`]),
    );
    const shown = await card('Readings').locator('tr.reading td.number').allTextContents();
    const inFile = cells.map(([, , , power]) => Number(power)).sort((a, b) => a - b);
    expect(inFile).toEqual(shown.map((text) => Number(text.replaceAll(',', ''))).sort((a, b) => a - b));
  });

  it('reads the power of the chart as a table', async () => {
    await card('Power').getByRole('button', { name: 'Table' }).click();
    await card('Power')
      .getByRole('row', { name: /^06 Nov 2016, 00:00:00/ })
      .waitFor();
    await card('Power').getByRole('button', { name: 'Table' }).click();
    await card('Power').locator('canvas').waitFor();
  });

  it.each(['light', 'dark'] as const)('breaks no rule that axe can check, when %s', async (colorScheme) => {
    await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
    await page.getByText('Date and zone').click();
    expect(await violations(page)).toEqual([]);
  });

  it('has seen no error', () => {
    expect(log.errors).toEqual([]);
  });
});
