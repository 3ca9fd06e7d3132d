/** The icons of phones, which take no SVG, from the one of the page. */
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { openBrowser } from '../e2e/browser';

const PUBLIC = new URL('../public/', import.meta.url);

it.each([180, 512])('draws the icon of %i pixels', async (size) => {
  const svg = await readFile(new URL('favicon.svg', PUBLIC), 'utf8');
  const browser = await openBrowser('http://icon.test');
  const page = await browser.context.newPage();
  await page.setViewportSize({ width: size, height: size });
  // Phones cut the corners by themselves.
  await page.setContent(
    svg.replace('<svg ', `<svg style="position:fixed;inset:0;background:#0b6bcb" width="${size}" `),
  );
  const image = await page.screenshot({ path: fileURLToPath(new URL(`icon-${size}.png`, PUBLIC)) });
  expect(image.byteLength).toBeLessThan(20_000);
  await browser.close();
});
