/** Time zones by their names in the IANA database. */

/** Whether this browser knows the zone. */
export function isZone(name: string): boolean {
  try {
    new Intl.DateTimeFormat('en', { timeZone: name });
    // An offset is no zone: it has no rule for the change of clocks.
    return /^[A-Za-z]/.test(name);
  } catch {
    return false;
  }
}

/** All that this browser knows, in order of name; UTC, which is no place, first. */
export function zoneNames(): string[] {
  return ['UTC', ...Intl.supportedValuesOf('timeZone').filter((name) => name !== 'UTC')];
}
