//! The receivers: by which protocol readings come in, and what each of them accepted and did not accept.
//!
//! Each process counts in memory ([`of`]), which costs a request an addition. A [`ReceiverReporter`] adds what was counted
//! since to one small hash, from which [`ReceiverStates`] reads the sums of all processes. The metrics of a process are its
//! own counts.
//!
//! | file | what it owns |
//! |---|---|
//! | `receiver` | the receivers and their names |
//! | `counter` | the counts of one receiver in this process |
//! | `not_accepted` | what a receiver did not accept, by name and reason |
//! | `report` | what was counted since the last report, as it is sent |
//! | `reporter` | the script that adds a report, and when it is sent |
//! | `state` | the sums of all processes |

mod counter;
mod not_accepted;
mod receiver;
mod report;
mod reporter;
mod state;

pub use self::counter::{COUNTERS, ReceiverCounter, ReceiverCounters, expose, of};
pub use self::not_accepted::Outcome;
pub use self::receiver::Receiver;
pub use self::reporter::ReceiverReporter;
pub use self::state::{Connections, NotAccepted, ReceiverState, ReceiverStates};
