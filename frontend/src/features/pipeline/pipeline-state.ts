/** The state of the pipeline, for operators; not shown where its path is not published or the API key lacks its scope. */
import { computed, type ReadonlySignal, signal } from '@preact/signals';
import type { Client } from '../../api/client';
import { type RequestFailure, toRequestFailure } from '../../api/request-failure';
import type { PipelineState as Pipeline } from '../../api/types';
import type { Environment } from '../../app/environment';
import { type Polling, pollWhileVisible } from '../../app/polling';

export type PipelineReport =
  | { phase: 'unknown' }
  | { phase: 'known'; pipeline: Pipeline }
  /** 401, 403 or 404: it is not for users of this page. */
  | { phase: 'unavailable' }
  | { phase: 'failed'; failure: RequestFailure };

export interface PipelineStatus extends Polling {
  report: ReadonlySignal<PipelineReport>;
  deadLetters: ReadonlySignal<number | null>;
  /** Whether this server offers what an operator does, deletions included, to the users of this page. */
  isOffered: ReadonlySignal<boolean>;
}

const POLL_MS = 2_000;
/** A service counts and logs each request that it rejects, and seldom changes its mind. */
const RETRY_UNAVAILABLE_MS = 60_000;
const TIMEOUT_MS = 5_000;

export function createPipelineStatus(client: Client, { visibility }: Environment): PipelineStatus {
  const report = signal<PipelineReport>({ phase: 'unknown' });
  const check = async () => {
    try {
      report.value = { phase: 'known', pipeline: await client.getPipeline(TIMEOUT_MS) };
    } catch (error) {
      const failure = toRequestFailure(error);
      report.value = isUnavailable(failure) ? { phase: 'unavailable' } : { phase: 'failed', failure };
      if (isUnavailable(failure)) return RETRY_UNAVAILABLE_MS;
    }
    return POLL_MS;
  };
  const deadLetters = computed(() => {
    const { value } = report;
    return value.phase === 'known' ? value.pipeline.dead_letters : null;
  });
  const isOffered = computed(() => !['unknown', 'unavailable'].includes(report.value.phase));
  return { report, deadLetters, isOffered, ...pollWhileVisible(visibility, check) };
}

function isUnavailable(failure: RequestFailure): boolean {
  return (
    failure.kind === 'keyRejected' ||
    (failure.kind === 'errorStatus' && [401, 403, 404].includes(failure.status))
  );
}
