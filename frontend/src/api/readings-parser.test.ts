import { describe, expect, it } from 'vitest';
import { ReadingsParser } from './readings-parser';
import type { StoredReading } from './types';

const SITE = 'a "readings":[ in the id, }]{[ \\ and é€🏠';

function reading(index: number): StoredReading {
  return {
    stream_id: `1700000000000-${index}`,
    site_id: SITE,
    device_id: `{"nested": "]}"} \\" ${index}`,
    power_reading: index / 8,
    timestamp: '2024-01-15T10:30:00Z',
    ingested_at: '2024-01-15T10:30:00.123456',
  };
}

function parse(text: string, chunkSize: number): StoredReading[] {
  const all: StoredReading[] = [];
  const parser = new ReadingsParser((batch) => all.push(...batch));
  const bytes = new TextEncoder().encode(text);
  for (let start = 0; start < bytes.length; start += chunkSize) {
    parser.push(bytes.subarray(start, start + chunkSize));
  }
  parser.finish();
  return all;
}

describe('ReadingsParser', () => {
  const readings = Array.from({ length: 20 }, (_, index) => reading(index));

  it('reads the same from a body cut anywhere', () => {
    const body = JSON.stringify({ site_id: SITE, readings });
    for (const chunkSize of [1, 2, 3, 7, 64, 1000, 100_000]) {
      expect(parse(body, chunkSize)).toEqual(readings);
    }
  });

  it('does not mind white space or members it does not know', () => {
    const body = JSON.stringify({ site_id: SITE, next_cursor: null, readings, more: [{ a: 1 }] }, null, 2);
    expect(parse(body, 50)).toEqual(readings);
  });

  it('reads an empty list', () => {
    expect(parse('{"site_id":"x","readings":[]}', 5)).toEqual([]);
  });

  it('does not take a body that was cut off for a complete one', () => {
    const body = JSON.stringify({ site_id: SITE, readings });
    expect(() => parse(body.slice(0, -300), 64)).toThrow(SyntaxError);
    expect(() => parse('{"site_id":"x"', 64)).toThrow(SyntaxError);
  });

  it('gives up on a body that is something else', () => {
    expect(() => parse(`<html>${'x'.repeat(20_000)}</html>`, 1000)).toThrow(SyntaxError);
  });
});
