import type { LoadTask, Progress, WorkerMessage } from './readings.worker';
import { ApiError } from './request-failure';
import type { SiteReadings } from './site-readings';

export type { Progress };

export type LoadReadings = (
  task: LoadTask,
  signal: AbortSignal,
  onProgress: (progress: Progress) => void,
) => Promise<SiteReadings>;

/** All readings of a site; aborting drops the request at once. The page stays quick however many there are. */
export const loadReadings: LoadReadings = (task, signal, onProgress) => {
  const worker = new Worker(new URL('./readings.worker.ts', import.meta.url), { type: 'module' });
  const result = new Promise<SiteReadings>((resolve, reject) => {
    worker.onmessage = ({ data }: MessageEvent<WorkerMessage>) => {
      if (data.type === 'progress') onProgress(data.progress);
      else if (data.type === 'done') resolve(data.readings);
      else reject(new ApiError(data.failure));
    };
    worker.onerror = () => reject(new ApiError({ kind: 'noResponse', reason: 'workerFailed' }));
    signal.addEventListener('abort', () => reject(signal.reason), { once: true });
  });
  worker.postMessage(task);
  return result.finally(() => worker.terminate());
};
