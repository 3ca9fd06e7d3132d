/**
 * Runs a task periodically while the page is visible. The task never rejects and resolves with the milliseconds until
 * the next run; when the page becomes visible again the task runs at once.
 */
export function pollWhileVisible(task: () => Promise<number>): () => void {
  let timer: ReturnType<typeof setTimeout> | undefined;
  let running = false;
  const run = async () => {
    if (running || document.hidden) return;
    clearTimeout(timer);
    running = true;
    const pause = await task();
    running = false;
    timer = setTimeout(run, pause);
  };
  document.addEventListener('visibilitychange', run);
  void run();
  return run;
}
