//! Deletes readings, on demand and where `DEDUP_POLICY` does not keep them: they are not stored again when their entries
//! are delivered once more.
//!
//! | file | what it owns |
//! |---|---|
//! | `reading_deleter` | [`ReadingDeleter`]: deletes one reading, begins the deletion of a range |
//! | `range_deletion` | [`RangeDeletion`]: deletes the readings of a range, some at a time |
//! | `late_readings` | deletes readings that `DEDUP_POLICY` does not keep beside late readings of archived days |
//! | `removal` | removes readings of a site whose entries may be delivered once more |
//!
//! Why a deleted reading stays deleted: [`super::deleted_ids`].

mod late_readings;
mod range_deletion;
mod reading_deleter;
mod removal;

pub use range_deletion::RangeDeletion;
pub use reading_deleter::ReadingDeleter;
