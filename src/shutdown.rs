//! When to end.

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

/// Exit code after a second signal, as shells give it for an interrupt.
const FORCED: i32 = 130;

/// A token that is cancelled by `SIGTERM` or Ctrl-C. A second signal ends the process at once: what
/// was in flight stays pending in Redis.
///
/// # Errors
/// When the signals cannot be listened to.
pub fn on_signal() -> std::io::Result<CancellationToken> {
    let (mut terminate, mut interrupt) =
        (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    let token = CancellationToken::new();
    let ending = token.clone();
    tokio::spawn(async move {
        either(&mut terminate, &mut interrupt).await;
        info!("ending; a second signal ends at once");
        ending.cancel();
        either(&mut terminate, &mut interrupt).await;
        warn!("ended by a second signal");
        std::process::exit(FORCED);
    });
    Ok(token)
}

async fn either(terminate: &mut Signal, interrupt: &mut Signal) {
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
}
