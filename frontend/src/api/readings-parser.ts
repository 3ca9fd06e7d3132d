/**
 * Reads `{"site_id": …, "readings": [{…}, {…}, …]}` as it arrives, a batch of readings for each chunk: a body of
 * several hundred megabytes never has to exist as one string or as a million objects.
 */
import type { StoredReading } from './types';

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;
const CLOSE_BRACKET = 0x5d;

/** Inside a string its quotes are escaped, so this can only match the member itself. */
const BEFORE_READINGS = /"readings"\s*:\s*\[/;
const MAX_HEAD_BYTES = 10_000;

export class ReadingsParser {
  private readonly decoder = new TextDecoder();
  /** Bytes of an element (or of the head) that is not complete yet. */
  private rest = new Uint8Array(0);
  private stage: 'head' | 'elements' | 'tail' = 'head';

  constructor(private readonly onReadings: (readings: StoredReading[]) => void) {}

  push(chunk: Uint8Array): void {
    let bytes = joined(this.rest, chunk);
    if (this.stage === 'head') bytes = this.skipHead(bytes);
    if (this.stage === 'elements') bytes = this.takeElements(bytes);
    this.rest = bytes.slice();
  }

  /** A body that ends before its array does was cut off: a part must not be shown as the whole. */
  finish(): void {
    if (this.stage !== 'tail') throw new SyntaxError('the list of readings ended early');
  }

  private skipHead(bytes: Uint8Array): Uint8Array {
    // One character for each byte, so that the position in the text is the position in the bytes.
    const text = new TextDecoder('latin1').decode(bytes.subarray(0, MAX_HEAD_BYTES));
    const match = BEFORE_READINGS.exec(text);
    if (match !== null) this.stage = 'elements';
    else if (bytes.length >= MAX_HEAD_BYTES) throw new SyntaxError('there is no list of readings');
    return match === null ? bytes : bytes.subarray(match.index + match[0].length);
  }

  /** Parses all elements that are complete and gives back the bytes after them. */
  private takeElements(bytes: Uint8Array): Uint8Array {
    const { start, end, closed } = scanElements(bytes);
    if (end > start) {
      const text = this.decoder.decode(bytes.subarray(start, end));
      this.onReadings(JSON.parse(`[${text}]`) as StoredReading[]);
    }
    if (closed) this.stage = 'tail';
    return closed ? new Uint8Array(0) : bytes.subarray(end);
  }
}

interface Scan {
  /** From the first brace of the first element to the last brace of the last complete one. */
  start: number;
  end: number;
  /** The bracket that ends the list was seen. */
  closed: boolean;
}

function scanElements(bytes: Uint8Array): Scan {
  const scan: Scan = { start: 0, end: 0, closed: false };
  let depth = 0;
  for (let i = 0; i < bytes.length && !scan.closed; i++) {
    switch (bytes[i]) {
      case QUOTE:
        i = endOfString(bytes, i);
        break;
      case OPEN_BRACE:
        if (depth === 0 && scan.end === 0) scan.start = i;
        depth++;
        break;
      case CLOSE_BRACE:
        depth--;
        if (depth === 0) scan.end = i + 1;
        break;
      case CLOSE_BRACKET:
        scan.closed = depth === 0;
    }
  }
  return scan;
}

/** The index of the quote that closes the string opened at `open`, or the end of the bytes. */
function endOfString(bytes: Uint8Array, open: number): number {
  let i = open + 1;
  while (i < bytes.length && bytes[i] !== QUOTE) i += bytes[i] === BACKSLASH ? 2 : 1;
  return i;
}

function joined(head: Uint8Array, tail: Uint8Array): Uint8Array {
  if (head.length === 0) return tail;
  const both = new Uint8Array(head.length + tail.length);
  both.set(head);
  both.set(tail, head.length);
  return both;
}
