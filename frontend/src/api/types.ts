/** The wire types of the services, generated from `openapi/` by `npm run api-types`. */
export type { Accepted, EnergyReading, IngestionHealth, ValidationFault } from './generated/ingestion-api';
export type {
  AggregateBucket,
  AggregateSeries,
  ConsumerGroup,
  DeadLetter,
  DeadLetters,
  Device,
  DeviceList,
  PipelineConsumer,
  PipelineGroup,
  PipelineState,
  ProcessingHealth,
  Retried,
  Site,
  SiteAggregates,
  SiteReadings,
  SiteSummary,
  Sites,
  StoredReading,
} from './generated/processing-service';

/** What is sent as `EnergyReading`: an empty field is left out, so that the service names it. */
export interface NewReading {
  site_id: string;
  device_id: string;
  power_reading?: number;
  timestamp?: string;
}

/** The state of all receivers. */
export interface Receivers {
  receivers: readonly Receiver[];
}

export interface Receiver {
  name: string;
  since: string;
  /** Replayed ones included. */
  accepted: number;
  replayed: number;
  rejected: number;
  unmapped: number;
  last_accepted_at: string | null;
  /** Only of a receiver that connects by itself. */
  connections?: { processes: number; open: number };
  /** The last one first. */
  not_accepted: readonly NotAccepted[];
}

export interface NotAccepted {
  /** `rejected` or `unmapped`. */
  outcome: string;
  /** As a sender chose it. */
  name: string;
  reason: string;
  rows: number;
  last_at: string;
}
