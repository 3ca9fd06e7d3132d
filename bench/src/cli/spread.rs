//! Arguments of scenarios whose stream has partitions, in one server or a Redis Cluster.

use std::num::NonZeroU16;

use clap::Args;
use readings::store::PartitionCount;

use super::parsers::{masters, partitions};
use crate::layout::Layout;

/// Partitions and masters: each number of one with each of the other.
#[derive(Debug, Args)]
pub struct LayoutArguments {
    /// Partitions of the stream. If repeated, the numbers are interleaved and compared with each other
    #[arg(long, value_name = "COUNT", default_value = "1", value_parser = partitions)]
    pub partitions: Vec<PartitionCount>,
    /// Servers: 1 is one alone, more are the masters of a Redis Cluster. If repeated, the numbers are
    /// interleaved and compared with each other
    #[arg(long, value_name = "COUNT", default_value = "1", value_parser = masters)]
    pub masters: Vec<NonZeroU16>,
}

impl LayoutArguments {
    /// All of them.
    pub fn all(&self) -> Vec<Layout> {
        Layout::all(&self.partitions, &self.masters)
    }
}
