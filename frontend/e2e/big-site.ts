/** The response for a site with more readings than a test can send. */
const FIRST = Date.UTC(2024, 0, 1);

export function bigSite(site: string, count: number): string {
  const readings = Array.from({ length: count }, (_, index) => ({
    stream_id: `${FIRST}-${index}`,
    site_id: site,
    device_id: `meter-${index % 3}`,
    power_reading: 1500 + (index % 1000) / 4,
    timestamp: new Date(FIRST + index * 20_000).toISOString(),
    ingested_at: '2024-01-15T10:30:00.123456',
  }));
  return JSON.stringify({ site_id: site, readings });
}
