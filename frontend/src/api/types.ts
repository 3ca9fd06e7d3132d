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
  NotAcceptedRows,
  PipelineArchiving,
  PipelineConsumer,
  PipelineGroup,
  PipelinePacking,
  PipelinePartition,
  PipelineState,
  PipelineTier,
  PipelineTiers,
  ProcessingHealth,
  ReceiverSummary,
  Receivers,
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
