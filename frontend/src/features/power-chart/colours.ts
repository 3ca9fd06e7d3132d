/** The style sheet holds the colours, so that both themes and the legend share them; a canvas needs their values. */

export const SERIES_COLOURS = 8;
/** The place of the sum of the devices, which has the colour of the text. */
export const TOTAL = -1;

/** The class that colours the legend entry of a device, by its place in the site. */
export function swatchClass(index: number): string {
  return index === TOTAL ? 'swatch swatch-total' : `swatch swatch-${index % SERIES_COLOURS}`;
}

/** Devices beyond the palette repeat its colours in dashes. */
export function dashOf(index: number): number[] {
  return index < SERIES_COLOURS ? [] : [6, 4];
}

export interface Palette {
  text: string;
  grid: string;
  series: string[];
  font: string;
}

export function readPalette(host: HTMLElement): Palette {
  const probe = host.appendChild(document.createElement('span'));
  // The lines keep their colours in high contrast, or they could not be told apart.
  probe.style.setProperty('forced-color-adjust', 'none');
  const rootSize = Number.parseFloat(getComputedStyle(document.documentElement).fontSize);
  const colour = (name: string) => {
    probe.style.color = `var(${name})`;
    return getComputedStyle(probe).color;
  };
  const palette = {
    text: colour('--text-muted'),
    grid: colour('--line-faint'),
    series: Array.from({ length: SERIES_COLOURS }, (_, index) => colour(`--series-${index}`)),
    font: `${0.75 * rootSize}px ${getComputedStyle(host).fontFamily}`,
  };
  probe.remove();
  return palette;
}
