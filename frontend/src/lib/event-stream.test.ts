import { describe, expect, it } from 'vitest';
import { EventStreamParser } from './event-stream';

describe('an event stream', () => {
  it('has events with a type and data, and an id to continue with', () => {
    const parser = new EventStreamParser();
    expect(parser.push('retry: 3000\nid: 1-0\n\n')).toEqual([]);
    expect(parser.lastEventId).toBe('1-0');
    expect(parser.push('id: 2-0\nevent: reading\ndata: {"a":1}\n\n')).toEqual([
      { type: 'reading', data: '{"a":1}' },
    ]);
    expect(parser.lastEventId).toBe('2-0');
  });

  it('is the same however it is cut', () => {
    const text = ':comment\r\n\r\nevent: reading\r\ndata: é1\r\ndata: 2\r\n\r\ndata:3\n\n';
    const whole = new EventStreamParser().push(text);
    const parser = new EventStreamParser();
    expect([...text].flatMap((character) => parser.push(character))).toEqual(whole);
    expect(whole).toEqual([
      { type: 'reading', data: 'é1\n2' },
      { type: 'message', data: '3' },
    ]);
  });

  it('continues with the id of a comment, without an event', () => {
    const parser = new EventStreamParser();
    expect(parser.push(':\nid: 7-0\n\n')).toEqual([]);
    expect(parser.lastEventId).toBe('7-0');
  });
});
