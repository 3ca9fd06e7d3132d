//! Whether the site index lacks sites, sampled when a service starts.

use std::time::Duration;

use readings::store::site_index::SiteIndex;
use readings::store::{ErrorClass, StoreError};
use tokio::time::sleep;
use tracing::{info, warn};

/// Commands of one sample, each of which visits 1,000 keys. Too low and few missing sites among many are not found; too
/// high and each start of a service costs Redis milliseconds.
const SAMPLED_PAGES: usize = 10;

/// Pause between attempts. Too low: needless commands while Redis is down. Too high: the warning is late.
const RETRY_INTERVAL: Duration = Duration::from_secs(1);

/// Logs once, as soon as Redis responds, if sampled sites are missing in the index: only another program stored their
/// readings, so lists do not have them.
pub async fn warn_missing_sites(index: SiteIndex) {
    let (sampled, missing) = loop {
        match sample(&index).await {
            Ok(counts) => break counts,
            Err(error) if error.class == ErrorClass::Denied => {
                info!(%error, "the site index is not checked: the user may not scan keys");
                return;
            }
            Err(_) => sleep(RETRY_INTERVAL).await,
        }
    };
    if missing > 0 {
        warn!(
            sampled,
            missing,
            "sites are missing in the site index, so lists lack them: run energy-pipeline reindex"
        );
    }
}

/// How many sites were found, and how many of them are missing.
async fn sample(index: &SiteIndex) -> Result<(usize, usize), StoreError> {
    let mut scan = index.scan();
    let (mut sampled, mut missing) = (0, 0);
    for _ in 0..SAMPLED_PAGES {
        let Some(page) = scan.next().await? else { break };
        sampled += page.sites.len();
        missing += index.count_missing(&page.sites).await?;
    }
    Ok((sampled, missing))
}
