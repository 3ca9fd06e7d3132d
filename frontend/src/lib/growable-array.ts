import { at } from './arrays';

/** A `Float64Array` that grows; a plain array of a million numbers costs several times the memory. */
export class GrowableFloat64Array {
  private values = new Float64Array(1024);
  length = 0;

  push(value: number): void {
    if (this.length === this.values.length) this.values = enlarged(this.values, this.length * 2);
    this.values[this.length++] = value;
  }

  last(): number | undefined {
    return this.length === 0 ? undefined : this.values[this.length - 1];
  }

  replaceLast(value: number): void {
    this.values[this.length - 1] = value;
  }

  finish(): Float64Array<ArrayBuffer> {
    return this.values.slice(0, this.length);
  }
}

function enlarged(values: Float64Array<ArrayBuffer>, size: number): Float64Array<ArrayBuffer> {
  const larger = new Float64Array(size);
  larger.set(values);
  return larger;
}

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** Many strings in two buffers, which a worker transfers without copying; each is decoded when it is read. */
export interface PackedStrings {
  bytes: Uint8Array<ArrayBuffer>;
  ends: Float64Array<ArrayBuffer>;
}

export function textAt({ bytes, ends }: PackedStrings, index: number): string {
  const start = index === 0 ? 0 : at(ends, index - 1);
  return decoder.decode(bytes.subarray(start, at(ends, index)));
}

export class StringPacker {
  private bytes = new Uint8Array(1 << 16);
  private used = 0;
  private readonly ends = new GrowableFloat64Array();

  push(text: string): void {
    // A UTF-16 unit takes at most three bytes of UTF-8.
    if (this.used + text.length * 3 > this.bytes.length) this.grow(text.length * 3);
    this.used += encoder.encodeInto(text, this.bytes.subarray(this.used)).written;
    this.ends.push(this.used);
  }

  private grow(needed: number): void {
    const larger = new Uint8Array(Math.max(this.bytes.length * 2, this.used + needed));
    larger.set(this.bytes.subarray(0, this.used));
    this.bytes = larger;
  }

  finish(): PackedStrings {
    return { bytes: this.bytes.slice(0, this.used), ends: this.ends.finish() };
  }
}
