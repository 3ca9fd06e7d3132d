//! Rows as columns in memory (Arrow), and back.

use std::sync::Arc;

use arrow_array::builder::{
    Float64Builder, StringBuilder, StringDictionaryBuilder, TimestampMicrosecondBuilder,
    UInt64Builder,
};
use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, Int32Type, TimestampMicrosecondType, UInt64Type};
use arrow_array::{Array, DictionaryArray, PrimitiveArray, RecordBatch, StringArray};
use readings::store::StreamId;

use crate::columns;
use crate::row::Row;

/// Rows of sites, until they are written.
pub(crate) struct BatchBuilder {
    site: StringDictionaryBuilder<Int32Type>,
    device: StringDictionaryBuilder<Int32Type>,
    timestamp: TimestampMicrosecondBuilder,
    power: Float64Builder,
    stream_ms: UInt64Builder,
    stream_seq: UInt64Builder,
    ingested_at: TimestampMicrosecondBuilder,
    timestamp_text: StringBuilder,
    ingested_at_text: StringBuilder,
    rows: usize,
}

impl BatchBuilder {
    pub fn new() -> Self {
        let time = || TimestampMicrosecondBuilder::new().with_timezone("UTC");
        Self {
            site: StringDictionaryBuilder::new(),
            device: StringDictionaryBuilder::new(),
            timestamp: time(),
            power: Float64Builder::new(),
            stream_ms: UInt64Builder::new(),
            stream_seq: UInt64Builder::new(),
            ingested_at: time(),
            timestamp_text: StringBuilder::new(),
            ingested_at_text: StringBuilder::new(),
            rows: 0,
        }
    }

    pub const fn rows(&self) -> usize {
        self.rows
    }

    pub fn push(&mut self, site: &str, row: &Row) {
        self.site.append_value(site);
        self.device.append_value(&row.device);
        self.timestamp.append_value(row.instant);
        self.power.append_value(row.power);
        self.stream_ms.append_value(row.id.ms);
        self.stream_seq.append_value(row.id.seq);
        self.ingested_at.append_option(row.ingested_at);
        self.timestamp_text.append_option(row.timestamp_text.as_deref());
        self.ingested_at_text.append_option(row.ingested_at_text.as_deref());
        self.rows += 1;
    }

    /// The rows; none are left.
    pub fn take(&mut self) -> Result<RecordBatch, arrow_schema::ArrowError> {
        self.rows = 0;
        let columns: Vec<arrow_array::ArrayRef> = vec![
            Arc::new(self.site.finish()),
            Arc::new(self.device.finish()),
            Arc::new(self.timestamp.finish()),
            Arc::new(self.power.finish()),
            Arc::new(self.stream_ms.finish()),
            Arc::new(self.stream_seq.finish()),
            Arc::new(self.ingested_at.finish()),
            Arc::new(self.timestamp_text.finish()),
            Arc::new(self.ingested_at_text.finish()),
        ];
        RecordBatch::try_new(columns::schema(), columns)
    }
}

/// A text of few different values.
pub(crate) struct Texts<'a> {
    keys: &'a PrimitiveArray<Int32Type>,
    values: &'a StringArray,
}

impl<'a> Texts<'a> {
    pub fn of(batch: &'a RecordBatch, name: &str) -> Option<Self> {
        let array: &DictionaryArray<Int32Type> = batch.column_by_name(name)?.as_dictionary_opt()?;
        Some(Self { keys: array.keys(), values: array.values().as_string_opt()? })
    }

    /// The number of the value of a row.
    pub fn key(&self, row: usize) -> usize {
        usize::try_from(self.keys.value(row)).unwrap_or_default()
    }

    pub fn get(&self, row: usize) -> &'a str {
        self.values.value(self.key(row))
    }

    /// All values, each once, by their numbers.
    pub fn values(&self) -> impl Iterator<Item = &'a str> {
        let values = self.values;
        (0..values.len())
            .map(move |place| if values.is_null(place) { "" } else { values.value(place) })
    }
}

/// Columns of numbers of a batch.
pub(crate) fn times<'a>(
    batch: &'a RecordBatch,
    name: &str,
) -> Option<&'a PrimitiveArray<TimestampMicrosecondType>> {
    batch.column_by_name(name)?.as_primitive_opt()
}

pub(crate) fn watts(batch: &RecordBatch) -> Option<&PrimitiveArray<Float64Type>> {
    batch.column_by_name("power_reading")?.as_primitive_opt()
}

/// The rows of a batch that has all columns.
pub(crate) struct Rows<'a> {
    pub site: Texts<'a>,
    device: Texts<'a>,
    devices: Vec<Arc<str>>,
    timestamp: &'a PrimitiveArray<TimestampMicrosecondType>,
    power: &'a PrimitiveArray<Float64Type>,
    stream_ms: &'a PrimitiveArray<UInt64Type>,
    stream_seq: &'a PrimitiveArray<UInt64Type>,
    ingested_at: &'a PrimitiveArray<TimestampMicrosecondType>,
    timestamp_text: &'a StringArray,
    ingested_at_text: &'a StringArray,
}

impl<'a> Rows<'a> {
    /// `None` when a column is missing.
    pub fn of(batch: &'a RecordBatch) -> Option<Self> {
        let number = |name| batch.column_by_name(name)?.as_primitive_opt();
        let text = |name| batch.column_by_name(name)?.as_string_opt();
        let device = Texts::of(batch, "device_id")?;
        Some(Self {
            site: Texts::of(batch, "site_id")?,
            devices: device.values().map(Arc::from).collect(),
            device,
            timestamp: times(batch, "timestamp")?,
            power: watts(batch)?,
            stream_ms: number("stream_ms")?,
            stream_seq: number("stream_seq")?,
            ingested_at: times(batch, "ingested_at")?,
            timestamp_text: text("timestamp_text")?,
            ingested_at_text: text("ingested_at_text")?,
        })
    }

    pub fn len(&self) -> usize {
        self.timestamp.len()
    }

    pub fn get(&self, row: usize) -> Row {
        let ingested = self.ingested_at;
        let text = |texts: &StringArray| texts.is_valid(row).then(|| texts.value(row).to_owned());
        Row {
            device: self.devices.get(self.device.key(row)).cloned().unwrap_or_else(|| "".into()),
            instant: self.timestamp.value(row),
            id: StreamId { ms: self.stream_ms.value(row), seq: self.stream_seq.value(row) },
            power: self.power.value(row),
            ingested_at: ingested.is_valid(row).then(|| ingested.value(row)),
            timestamp_text: text(self.timestamp_text),
            ingested_at_text: text(self.ingested_at_text),
        }
    }
}
