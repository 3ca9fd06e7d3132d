//! Shutdown by signals.

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

/// Exit code after a second signal: that of a shell after an interrupt (128 + SIGINT).
const FORCED: i32 = 130;

/// A token that is cancelled by `SIGTERM`, `SIGINT` (Ctrl-C), `SIGQUIT`, or `SIGHUP` (closed terminal). A
/// second signal exits at once: entries in flight stay pending in Redis.
///
/// # Errors
/// When signal handlers cannot be installed.
pub fn on_signal() -> std::io::Result<CancellationToken> {
    let mut signals = Signals::listen()?;
    let token = CancellationToken::new();
    let stop = token.clone();
    tokio::spawn(async move {
        signals.any().await;
        info!("shutting down; a second signal exits at once");
        stop.cancel();
        signals.any_but_hangup().await;
        warn!("stopped by a second signal");
        std::process::exit(FORCED);
    });
    Ok(token)
}

struct Signals {
    terminate: Signal,
    interrupt: Signal,
    quit: Signal,
    /// None if it is ignored, as under `nohup`.
    hangup: Option<Signal>,
}

impl Signals {
    fn listen() -> std::io::Result<Self> {
        let hangup = (!ignores_hangup()).then(|| signal(SignalKind::hangup())).transpose()?;
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            quit: signal(SignalKind::quit())?,
            hangup,
        })
    }

    async fn any(&mut self) {
        let hangup = async {
            match &mut self.hangup {
                Some(hangup) => hangup.recv().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
            _ = self.quit.recv() => {}
            _ = hangup => {}
        }
    }

    /// A closed terminal causes more than one `SIGHUP`: from the shell, and from the kernel.
    async fn any_but_hangup(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
            _ = self.quit.recv() => {}
        }
    }
}

/// Whether the process was started with `SIGHUP` ignored (proc(5), `SigIgn`); false on systems without
/// `/proc`.
fn ignores_hangup() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0);
    mask & (1 << (SignalKind::hangup().as_raw_value() - 1)) != 0
}
