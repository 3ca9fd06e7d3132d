//! The name of this process among those of its kind.

use clap::Args;

#[derive(Debug, Clone, Args)]
pub struct Instance {
    /// Name of this process in the consumer group, unique among running processes. The host name if unset
    #[arg(long, env, value_name = "NAME")]
    consumer_name: Option<String>,
    /// The host name, as shells and Kubernetes set it
    #[arg(long, env, hide = true)]
    hostname: Option<String>,
}

impl Instance {
    /// The name; the host name if none is set.
    pub fn name(&self) -> String {
        let name = self.consumer_name.as_ref().or(self.hostname.as_ref()).cloned();
        name.unwrap_or_else(|| gethostname::gethostname().to_string_lossy().into_owned())
    }
}
