//! The rows of a batch request, validated one after the other.

use std::collections::BTreeMap;

use readings::rows::RowError;
use readings::rows::csv::header::Header;
use readings::rows::csv::records::{CsvRecord, CsvRecords};
use readings::rows::lines::Lines;
use readings::store::append_batch::{AppendBatch, RowPlace};
use readings::store::idempotency::IdempotencyKey;
use readings::validation::{
    ErrorKind, JsonRows, Location, NdjsonRows, ParsedRow, ValidationError, parse_fields,
};
use serde_json::Value;
use tokio::task::yield_now;

use super::rejected_row::RejectedRow;
use crate::access::Grant;
use crate::ingestion::content_type::Format;

/// The most rows of a request. Too low: devices that were offline need many requests. Too high: one takes much time.
pub(super) const MAX_ROWS: usize = 10_000;

/// Rows that are validated without a pause. Too low: validation takes longer. Too high: other requests of the thread
/// wait (a row takes 0.3 to 3 µs).
const ROWS_WITHOUT_PAUSE: usize = 500;

/// The readings and the errors of a request.
#[derive(Debug, Default)]
pub(super) struct ValidatedRows {
    /// The valid readings.
    pub batch: AppendBatch,
    /// Number of invalid rows.
    pub rejected: usize,
    /// The errors of the first of them.
    pub errors: Vec<RejectedRow>,
    /// The most rows that are in `errors`.
    max_errors: usize,
    /// For each rule the number of rows that break it.
    pub reasons: BTreeMap<&'static str, u64>,
}

/// Why no row is accepted.
#[derive(Debug)]
pub(super) enum UnusableBody {
    /// It has more than [`MAX_ROWS`] rows.
    TooManyRows,
    /// It breaks a rule as a whole.
    Invalid(ValidationError),
}

impl From<ValidationError> for UnusableBody {
    fn from(error: ValidationError) -> Self {
        Self::Invalid(error)
    }
}

/// Validates all rows; one whose site the grant does not permit is invalid.
pub(super) async fn validate(
    format: Format,
    body: &[u8],
    max_errors: usize,
    grant: Option<&Grant>,
) -> Result<ValidatedRows, UnusableBody> {
    let mut rows = Rows::open(format, body)?;
    let mut validated = ValidatedRows { max_errors, ..ValidatedRows::default() };
    while let Some(row) = rows.next_row()? {
        let index = validated.batch.rows();
        if index == MAX_ROWS {
            return Err(UnusableBody::TooManyRows);
        }
        validated.add(index, permitted(row, grant));
        if index % ROWS_WITHOUT_PAUSE == ROWS_WITHOUT_PAUSE - 1 {
            yield_now().await;
        }
    }
    if validated.batch.rows() == 0 {
        return Err(ValidationError::new(Location::Body, ErrorKind::NoRows, "[]").into());
    }
    Ok(validated)
}

/// The row, or its error if the grant does not permit its site.
fn permitted<'a>(row: ParsedRow<'a>, grant: Option<&Grant>) -> ParsedRow<'a> {
    let (Some(grant), Ok(reading)) = (grant, &row.reading) else { return row };
    let site = reading.site_id();
    if grant.key().permits_site(site) {
        return row;
    }
    let input = Value::from(site).to_string();
    let error = ValidationError::new(Location::Field("site_id"), ErrorKind::SiteForbidden, &input);
    ParsedRow { reading: Err(vec![error]), ..row }
}

impl ValidatedRows {
    fn add(&mut self, index: usize, row: ParsedRow<'_>) {
        match row.reading {
            Ok(reading) => match row.key {
                None => self.batch.push(&reading),
                Some(key) => {
                    let record = IdempotencyKey::of_parts(key.as_str(), key.body());
                    self.batch.push_keyed(&reading, &record, row.line);
                }
            },
            Err(errors) => {
                self.batch.skip();
                self.reject(index, row.line, errors);
            }
        }
    }

    /// Rejects valid rows whose keys were used with other bodies.
    pub(super) fn reject_conflicts(&mut self, conflicts: &[RowPlace]) {
        let max_errors = std::mem::replace(&mut self.max_errors, usize::MAX);
        for place in conflicts {
            let location = Location::Field("idempotency_key");
            let error = ValidationError::new(location, ErrorKind::KeyReused, "null");
            self.reject(place.index, place.line, vec![error]);
        }
        self.errors.sort_by_key(RejectedRow::index);
        self.errors.truncate(max_errors);
    }

    fn reject(&mut self, index: usize, line: u64, errors: Vec<ValidationError>) {
        self.rejected += 1;
        let mut rules: Vec<_> = errors.iter().map(|error| error.kind.code()).collect();
        rules.sort_unstable();
        rules.dedup();
        for rule in rules {
            *self.reasons.entry(rule).or_default() += 1;
        }
        if self.errors.len() < self.max_errors {
            self.errors.push(RejectedRow::new(index, line, errors));
        }
    }
}

/// The rows that have not been validated yet.
enum Rows<'a> {
    Json(JsonRows<'a>),
    Ndjson(NdjsonRows<'a>),
    Csv(Box<CsvRows<'a>>),
}

impl<'a> Rows<'a> {
    fn open(format: Format, body: &'a [u8]) -> Result<Self, ValidationError> {
        Ok(match format {
            Format::Json => Self::Json(JsonRows::open(body)?),
            Format::Ndjson => Self::Ndjson(NdjsonRows::new(body)),
            Format::Csv => Self::Csv(Box::new(CsvRows::open(body)?)),
        })
    }

    fn next_row(&mut self) -> Result<Option<ParsedRow<'_>>, ValidationError> {
        match self {
            Self::Json(rows) => rows.next_row(),
            Self::Ndjson(rows) => Ok(rows.next()),
            Self::Csv(rows) => Ok(rows.next_row()),
        }
    }
}

/// The rows of CSV.
struct CsvRows<'a> {
    records: CsvRecords<&'a [u8]>,
    /// `None` for an empty body, which has no rows.
    header: Option<Header>,
}

impl<'a> CsvRows<'a> {
    fn open(body: &'a [u8]) -> Result<Self, ValidationError> {
        let body = body.strip_prefix("\u{feff}".as_bytes()).unwrap_or(body);
        let mut records = CsvRecords::new(Lines::new(body));
        let Some(first) = next_record(&mut records) else {
            return Ok(Self { records, header: None });
        };
        match Header::of_record(&records, &first) {
            Ok(header) => Ok(Self { records, header: Some(header) }),
            Err(error) => Err(csv_error(&error.to_string(), &first.text())),
        }
    }

    fn next_row(&mut self) -> Option<ParsedRow<'static>> {
        let header = self.header.as_ref()?;
        let record = next_record(&mut self.records)?;
        let line = record.line();
        let error = match fields(&self.records, &record, header) {
            Ok(fields) => {
                let reading = parse_fields(fields).map(Into::into);
                return Some(ParsedRow { line, reading, key: None });
            }
            Err(error) => error,
        };
        let (first, error) = self.records.reject(record, error)?;
        let text = String::from_utf8_lossy(&first.content);
        let reading = Err(vec![csv_error(&error.to_string(), &text)]);
        Some(ParsedRow { line, reading, key: None })
    }
}

fn fields<'a>(
    records: &'a CsvRecords<&[u8]>,
    record: &CsvRecord,
    header: &Header,
) -> Result<[&'a str; 4], RowError> {
    record.error.map_or(Ok(()), Err)?;
    header.pick(&records.fields().ok_or(RowError::NotUtf8)?)
}

fn next_record(records: &mut CsvRecords<&[u8]>) -> Option<CsvRecord> {
    // Err: never, the text is in memory.
    records.next_record().ok().flatten()
}

fn csv_error(reason: &str, text: &str) -> ValidationError {
    let kind = ErrorKind::CsvInvalid(reason.into());
    ValidationError::new(Location::Body, kind, &Value::from(text).to_string())
}
