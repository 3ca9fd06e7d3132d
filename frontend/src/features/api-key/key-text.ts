/** The alphabet of a token (`b64token` of RFC 6750, section 2.1): any other character cannot be part of the header. */
const TOKEN = /^[A-Za-z0-9\-._~+/]+=*$/;

/** The key in a text that was typed or pasted, with or without the name of a header or a scheme; null if it has none. */
export function keyIn(text: string): string | null {
  const key = text
    .trim()
    .replace(/^Authorization:\s*/i, '')
    .replace(/^(?:Bearer|Token)\s+/i, '');
  return TOKEN.test(key) ? key : null;
}
