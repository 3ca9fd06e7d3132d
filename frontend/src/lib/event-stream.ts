/** Parses Server-Sent Events (HTML standard, 9.2.6) as they arrive; `EventSource` cannot send an API key. */

export interface StreamEvent {
  /** `message` unless the stream names another. */
  type: string;
  data: string;
}

export class EventStreamParser {
  /** With what to continue after the connection; null before the first one. */
  lastEventId: string | null = null;
  private rest = '';
  private type = '';
  private data: string[] = [];

  /** The events that this text completes. */
  push(text: string): StreamEvent[] {
    // A CR at the end may be the first half of a line's end.
    const lines = (this.rest + text).split(/\r\n|\n|\r(?!$)/);
    this.rest = lines.pop() ?? '';
    return lines.flatMap((line) => this.line(line));
  }

  private line(line: string): StreamEvent[] {
    if (line === '') return this.dispatch();
    const [, name = '', value = ''] = /^([^:]*):? ?(.*)$/s.exec(line) ?? [];
    if (name === 'event') this.type = value;
    if (name === 'data') this.data.push(value);
    if (name === 'id' && !value.includes('\0')) this.lastEventId = value;
    return [];
  }

  private dispatch(): StreamEvent[] {
    const event = { type: this.type || 'message', data: this.data.join('\n') };
    const isEmpty = this.data.length === 0;
    this.type = '';
    this.data = [];
    return isEmpty ? [] : [event];
  }
}
