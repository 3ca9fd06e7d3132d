import { requestKey } from './authorization';
import type { LoadTask, Progress, WorkerMessage } from './readings.worker';
import { ApiError, type RequestFailure } from './request-failure';
import type { SiteReadings } from './site-readings';

export type { Progress };

const NO_WORKER: RequestFailure = {
  kind: 'unreachable',
  message: 'A part of this page could not be loaded: reload the page.',
};

/** All readings of a site; aborting drops the request at once. The page stays quick however many there are. */
export function loadReadings(
  site: string,
  signal: AbortSignal,
  onProgress: (progress: Progress) => void,
): Promise<SiteReadings> {
  const worker = new Worker(new URL('./readings.worker.ts', import.meta.url), { type: 'module' });
  const result = new Promise<SiteReadings>((resolve, reject) => {
    worker.onmessage = ({ data }: MessageEvent<WorkerMessage>) => {
      if (data.type === 'progress') onProgress(data.progress);
      else if (data.type === 'done') resolve(data.readings);
      else reject(new ApiError(data.failure));
    };
    worker.onerror = () => reject(new ApiError(NO_WORKER));
    signal.addEventListener('abort', () => reject(signal.reason), { once: true });
  });
  const task: LoadTask = { site, apiKey: requestKey() };
  worker.postMessage(task);
  return result.finally(() => worker.terminate());
}
