//! The columns of a file, and how they are encoded.

use std::sync::{Arc, LazyLock};

use arrow_schema::{DataType, Field, Schema, SchemaRef, TimeUnit};
use parquet::arrow::arrow_writer::ArrowWriterOptions;
use parquet::basic::{Compression, Encoding, ZstdLevel};
use parquet::file::metadata::SortingColumn;
use parquet::file::properties::{WriterProperties, WriterPropertiesBuilder};
use parquet::schema::types::ColumnPath;

/// The place of each column.
pub(crate) const SITE: usize = 0;
pub(crate) const DEVICE: usize = 1;
pub(crate) const TIMESTAMP: usize = 2;
pub(crate) const POWER: usize = 3;
const STREAM_MS: usize = 4;
const STREAM_SEQ: usize = 5;
const INGESTED_AT: usize = 6;
const TIMESTAMP_TEXT: usize = 7;

/// Their names: those of the contract, for whom reads the files with other programs.
const NAMES: [&str; 9] = [
    "site_id",
    "device_id",
    "timestamp",
    "power_reading",
    "stream_ms",
    "stream_seq",
    "ingested_at",
    "timestamp_text",
    "ingested_at_text",
];

/// Rows of a row group. Too low and a question about a site reads many; too high and writing needs more memory.
const ROW_GROUP_ROWS: usize = 65_536;

/// Rows of a page. Too low and the page index is large; too high and a day of a site reads rows of others.
const PAGE_ROWS: usize = 8_192;

/// Of zstd. Too low and files are larger; too high and archiving takes long.
const LEVEL: i32 = 3;

/// Sites of a row group for which the bloom filter is made. Too low and it finds sites that are not there.
const SITES_OF_ROW_GROUP: u64 = 2_000;

static SCHEMA: LazyLock<SchemaRef> = LazyLock::new(|| {
    let repeated = || DataType::Dictionary(DataType::Int32.into(), DataType::Utf8.into());
    let time = || DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
    let types = [
        (repeated(), false),
        (repeated(), false),
        (time(), false),
        (DataType::Float64, false),
        (DataType::UInt64, false),
        (DataType::UInt64, false),
        (time(), true),
        (DataType::Utf8, true),
        (DataType::Utf8, true),
    ];
    let fields = NAMES.iter().zip(types);
    let fields = fields.map(|(name, (kind, is_nullable))| Field::new(*name, kind, is_nullable));
    Arc::new(Schema::new(fields.collect::<Vec<_>>()))
});

/// The schema of a file.
pub(crate) fn schema() -> SchemaRef {
    Arc::clone(&SCHEMA)
}

/// How a file is written. Without the schema of Arrow: other programs read texts, and not its dictionaries.
pub(crate) fn writer_options() -> ArrowWriterOptions {
    let sorting = [SITE, DEVICE, TIMESTAMP].into_iter().filter_map(|column| {
        let column_idx = i32::try_from(column).ok()?;
        Some(SortingColumn { column_idx, descending: false, nulls_first: false })
    });
    let level = ZstdLevel::try_new(LEVEL).unwrap_or_default();
    let properties = WriterProperties::builder()
        .set_compression(Compression::ZSTD(level))
        .set_max_row_group_row_count(Some(ROW_GROUP_ROWS))
        .set_data_page_row_count_limit(PAGE_ROWS)
        .set_sorting_columns(Some(sorting.collect()))
        .set_created_by(concat!("energy-pipeline ", env!("CARGO_PKG_VERSION")).to_owned())
        .set_column_bloom_filter_enabled(path(SITE), true)
        .set_column_bloom_filter_max_ndv(path(SITE), SITES_OF_ROW_GROUP);
    let properties = encoded(properties).build();
    ArrowWriterOptions::new().with_properties(properties).with_skip_arrow_metadata(true)
}

/// Times and ids increase, so their differences are small; texts of timestamps begin like the one before.
fn encoded(properties: WriterPropertiesBuilder) -> WriterPropertiesBuilder {
    let increasing =
        [TIMESTAMP, STREAM_MS, INGESTED_AT].map(|it| (it, Encoding::DELTA_BINARY_PACKED));
    let texts = [(TIMESTAMP_TEXT, Encoding::DELTA_BYTE_ARRAY)];
    let numbers = [(STREAM_SEQ, Encoding::DELTA_BINARY_PACKED)];
    increasing.into_iter().chain(texts).chain(numbers).fold(properties, |it, (column, encoding)| {
        it.set_column_dictionary_enabled(path(column), false)
            .set_column_encoding(path(column), encoding)
    })
}

fn path(column: usize) -> ColumnPath {
    ColumnPath::from(NAMES.get(column).copied().unwrap_or_default())
}
