/** How the numbers of a column are written: with decimals alike, so that their points stand below each other. */

/** As `createFormats` has it for a number alone. */
type Plain = (value: number, format: Intl.NumberFormat) => string;
type Values = readonly (number | null | undefined)[];

/** Beyond the thousandth part decimals are rare, and a column would be of zeros. */
const MAX_ALIGNED = 3;
/** Of a number, as `Intl.NumberFormat` has it. */
const MAX_DECIMALS = 20;

export function createColumnFormats(locale: string, plain: Plain) {
  const column = (values: Values, most: number, exactly = most) => {
    const minimumFractionDigits = Math.max(0, ...values.map((value) => decimalsOf(value ?? 0, most)));
    const format = new Intl.NumberFormat(locale, { minimumFractionDigits, maximumFractionDigits: exactly });
    return (value: number | null) => (value === null ? '–' : plain(value, format));
  };
  return {
    /** Powers to the milliwatt. */
    powerColumn: (watts: Values) => column(watts, MAX_ALIGNED),
    /** Powers with every digit that was sent. */
    exactPowerColumn: (watts: Values) => column(watts, MAX_ALIGNED, MAX_DECIMALS),
    /** Energy in the digits that are read at a glance. */
    energyColumn: (kWh: Values) => column(kWh, kWh.some(isSmall) ? 2 : 1),
  };
}

/** Below ten the first decimal is not enough to compare by. */
function isSmall(value: number | null | undefined): boolean {
  return typeof value === 'number' && value !== 0 && Math.abs(value) < 10;
}

/** How many of `most` decimals a number needs. */
function decimalsOf(value: number, most: number): number {
  let count = 0;
  while (count < most && Number(value.toFixed(count)) !== Number(value.toFixed(most))) count++;
  return count;
}
