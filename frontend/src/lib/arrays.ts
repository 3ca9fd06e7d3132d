/** The element at an index that the caller knows to exist; `noUncheckedIndexedAccess` cannot see that. */
export function at<T>(values: ArrayLike<T>, index: number): T {
  return values[index] as T;
}

/** The first index of ascending `values` whose value is `>= target`; `values.length` if no such value exists. */
export function lowerBound(values: ArrayLike<number>, target: number): number {
  let low = 0;
  let high = values.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (at(values, middle) < target) low = middle + 1;
    else high = middle;
  }
  return low;
}
