/**
 * Runs a task again and again, but only while someone looks at the page. The task never rejects and says how many
 * milliseconds to leave until the next time; coming back to the page does not wait for that.
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
