/** The figures of a run, and the table that they are written to. */
import { readFile, writeFile } from 'node:fs/promises';

export interface Figure {
  name: string;
  /** Of the page before, as measured in its review; null where it was not. */
  before: string | null;
  value: string;
  target: string;
}

const BEGIN = '<!-- begin: npm run measure -->';
const END = '<!-- end: npm run measure -->';

export function tableOf(figures: readonly Figure[]): string {
  const lines = figures.map(
    ({ name, before, value, target }) => `| ${name} | ${before ?? '–'} | **${value}** | ${target} |`,
  );
  return ['| | before | now | target |', '|---|---|---|---|', ...lines].join('\n');
}

/** Replaces what is between the two marks of a document. */
export async function record(document: URL, text: string): Promise<void> {
  const [before, rest = ''] = (await readFile(document, 'utf8')).split(BEGIN);
  const after = rest.split(END)[1];
  if (after === undefined) throw new Error(`${document.pathname} has no place for the figures`);
  await writeFile(document, `${before}${BEGIN}\n${text}\n${END}${after}`);
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[sorted.length >> 1] ?? Number.NaN;
}

export const seconds = (ms: number) => `${(ms / 1000).toFixed(2)} s`;
export const milliseconds = (ms: number) => `${Math.round(ms)} ms`;
export const kilobytes = (bytes: number) => `${(bytes / 1000).toFixed(1)} KB`;
export const megabytes = (bytes: number) => `${Math.round(bytes / 1e6)} MB`;
