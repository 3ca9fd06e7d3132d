/** Resolves in a task of its own, before which the browser can draw and take a click (HTML standard, 8.1.7). */
export function nextTask(): Promise<void> {
  // Not a timer: those wait for 4 ms once they are nested.
  const { port1, port2 } = new MessageChannel();
  return new Promise((resolve) => {
    port1.onmessage = () => {
      port1.close();
      resolve();
    };
    port2.postMessage(null);
  });
}
