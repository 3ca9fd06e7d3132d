/** The health of the whole: both services, Redis behind them, and the dead letters. */
import { computed, type ReadonlySignal } from '@preact/signals';
import type { Client } from '../../api/client';
import type { Environment, Stop } from '../../app/environment';
import { createServiceHealth, type ServiceHealth } from './service-health';

export type Condition =
  | 'checking'
  | 'healthy'
  | 'deadLetters'
  | 'redisAway'
  | 'late'
  | 'ingestionAway'
  | 'processingAway'
  | 'allAway';

export interface HealthState {
  /** The worst of what is the case. */
  condition: ReadonlySignal<Condition>;
  processing: ReadonlySignal<ServiceHealth>;
  /** The last time that a service responded. */
  lastAnswer: ReadonlySignal<number | null>;
  checkNow(): void;
  stop: Stop;
}

/** `deadLetters` is null while their number is not known. */
export function createHealthState(
  client: Client,
  environment: Environment,
  deadLetters: ReadonlySignal<number | null>,
): HealthState {
  const ingestion = createServiceHealth(client.getIngestionHealth, environment);
  const processing = createServiceHealth(client.getProcessingHealth, environment);
  const services = [ingestion, processing];
  return {
    condition: computed(() =>
      conditionOf(ingestion.health.value, processing.health.value, deadLetters.value),
    ),
    processing: processing.health,
    lastAnswer: computed(() => {
      const answers = services.map(({ lastAnswer }) => lastAnswer.value).filter((time) => time !== null);
      return answers.length === 0 ? null : Math.max(...answers);
    }),
    checkNow() {
      for (const { runNow } of services) runNow();
    },
    stop() {
      for (const { stop } of services) stop();
    },
  };
}

export function conditionOf(
  ingestion: ServiceHealth,
  processing: ServiceHealth,
  deadLetters: number | null,
): Condition {
  const phases = [ingestion.phase, processing.phase];
  const [isIngestionAway, isProcessingAway] = phases.map((phase) => phase === 'away');
  if (isIngestionAway && isProcessingAway) return 'allAway';
  if (isIngestionAway) return 'ingestionAway';
  if (isProcessingAway) return 'processingAway';
  if (phases.includes('withoutRedis')) return 'redisAway';
  if (phases.includes('late')) return 'late';
  if (phases.includes('unknown')) return 'checking';
  return deadLetters !== null && deadLetters > 0 ? 'deadLetters' : 'healthy';
}
