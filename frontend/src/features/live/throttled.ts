import type { Stop } from '../../app/environment';

export interface Throttled {
  call(): void;
  stop: Stop;
}

/** Runs a task after `delay`, and not again before `pause`; a call meanwhile is not lost. */
export function throttled(task: () => void, delay: number, pause: number): Throttled {
  let timer: ReturnType<typeof setTimeout> | undefined;
  let isWanted = false;
  const run = () => {
    isWanted = false;
    task();
    timer = setTimeout(() => {
      timer = undefined;
      if (isWanted) run();
    }, pause);
  };
  return {
    call() {
      if (timer === undefined) timer = setTimeout(run, delay);
      else isWanted = true;
    },
    stop: () => clearTimeout(timer),
  };
}
