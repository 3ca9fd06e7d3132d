/** The wire types of the public contract, as far as this page reads them; to be generated from ../openapi/ one day. */

/** The body of `POST /readings` (section 2). An empty field is left out: the server then names it. */
export interface NewReading {
  site_id: string;
  device_id: string;
  power_reading?: number | string;
  timestamp?: string;
}

export interface Accepted {
  status: 'accepted';
  stream_id: string;
}

/** One item of `detail` in a 422. */
export interface ValidationError {
  type: string;
  loc: (string | number)[];
  msg: string;
}

/** An element of `readings` in `GET /sites/{site_id}/readings` (section 3). */
export interface StoredReading {
  stream_id: string;
  site_id: string;
  device_id: string;
  power_reading: number;
  timestamp: string;
  ingested_at: string;
}

/** An element of `sites` in `GET /sites`; a service may know only the id. */
export interface SiteSummary {
  site_id: string;
  devices?: number;
  readings?: number;
}

/** `GET /health` of the processing service (section 4). */
export interface HealthReport {
  status: 'healthy' | 'degraded';
  redis_connected: boolean;
  consumer_name?: string;
  consumer_group?: string;
  /** `XINFO GROUPS` of the consumer group; null, or of another shape, when Redis cannot be reached. */
  consumer_group_status?: { consumers?: number; pending?: number; lag?: number | null } | string | null;
}
