//! The last run of packing in each process, and of archiving: when it began, how far it is, and how it ended.
//!
//! What moves days to the next tier reports to one small hash, from which every process reads ([`TierRuns`]): a command at
//! the beginning of a run, one at its end, and one each few seconds between. A process that ends without a word leaves a run
//! whose last report is old: it is *interrupted*.
//!
//! | file | what it owns |
//! |---|---|
//! | `run` | what is known of a run |
//! | `reporter` | reports the runs of this process |
//! | `state` | the last runs of all processes |

mod reporter;
mod run;
mod state;

pub use self::reporter::TierRunReporter;
pub use self::run::{ArchivingProgress, PackingProgress, RunError, RunPhase, TierRun};
pub use self::state::{TierRunStates, TierRuns};
