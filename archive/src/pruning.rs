//! Which pages of a file may have the rows of a question.
//!
//! Rows are sorted by site, so nearly all pages and row groups are left out by their first and last site; of the pages of
//! the site those of other days by their first and last instant. What is left is compared row by row.

use std::ops::Range;

use parquet::arrow::arrow_reader::{RowGroupSelection, RowSelection};
use parquet::file::metadata::ParquetMetaData;
use parquet::file::metadata::page_index::PageIndexProvider;
use parquet::file::page_index::column_index::ColumnIndexMetaData;

use crate::columns;

/// The rows of a site whose instants are in a range of microseconds.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Question<'a> {
    pub site: &'a str,
    pub from: i64,
    pub until: i64,
}

/// What is to be read.
pub(crate) struct Pruned {
    pub selections: Vec<RowGroupSelection>,
    /// Whether all rows are of the site, so that it need not be read.
    pub is_of_site: bool,
}

/// The page index of a row group.
#[derive(Clone, Copy)]
struct PageIndex<'a> {
    all: &'a dyn PageIndexProvider,
    group: usize,
}

impl<'a> PageIndex<'a> {
    fn column(self, column: usize) -> Option<&'a ColumnIndexMetaData> {
        self.all.column_index(self.group, column)
    }
}

impl Question<'_> {
    pub fn prune(&self, metadata: &ParquetMetaData) -> Pruned {
        let mut pruned = Pruned { selections: Vec::new(), is_of_site: true };
        for (group, found) in metadata.row_groups().iter().enumerate() {
            let rows = usize::try_from(found.num_rows()).unwrap_or_default();
            let index = metadata.page_index().map(|all| PageIndex { all: all.as_ref(), group });
            let pages = |column| page_rows(index?, column, rows);
            let (Some(index), Some(sites), Some(times)) =
                (index, pages(columns::SITE), pages(columns::TIMESTAMP))
            else {
                // Written by another program.
                pruned.selections.push(RowGroupSelection::new(group, None));
                pruned.is_of_site = false;
                continue;
            };
            let of_site = sites.into_iter().filter(|(page, _)| self.may_have_site(index, *page));
            let of_site: Vec<_> = of_site.collect();
            let is_whole = of_site.iter().all(|(page, _)| self.has_only_site(index, *page));
            let in_range = times.into_iter().filter(|(page, _)| self.may_have_time(index, *page));
            let rows_of = |ranges: Vec<Range<usize>>| {
                RowSelection::from_consecutive_ranges(ranges.into_iter(), rows)
            };
            let of_site = rows_of(of_site.into_iter().map(|(_, rows)| rows).collect());
            let in_range = rows_of(in_range.map(|(_, rows)| rows).collect());
            let selection = of_site.intersection(&in_range);
            if selection.selects_any() {
                pruned.is_of_site &= is_whole;
                pruned.selections.push(RowGroupSelection::new(group, Some(selection)));
            }
        }
        pruned
    }

    fn may_have_site(&self, index: PageIndex<'_>, page: usize) -> bool {
        let Some([first, last]) = site_bounds(index, page) else { return true };
        first <= self.site.as_bytes() && self.site.as_bytes() <= last
    }

    /// Bounds that are cut off differ: the last one is increased.
    fn has_only_site(&self, index: PageIndex<'_>, page: usize) -> bool {
        site_bounds(index, page).is_some_and(|bounds| bounds == [self.site.as_bytes(); 2])
    }

    fn may_have_time(&self, index: PageIndex<'_>, page: usize) -> bool {
        let Some(ColumnIndexMetaData::INT64(times)) = index.column(columns::TIMESTAMP) else {
            return true;
        };
        let bounds = times.min_value(page).zip(times.max_value(page));
        bounds.is_none_or(|(first, last)| *first < self.until && *last >= self.from)
    }
}

fn site_bounds(index: PageIndex<'_>, page: usize) -> Option<[&[u8]; 2]> {
    let Some(ColumnIndexMetaData::BYTE_ARRAY(sites)) = index.column(columns::SITE) else {
        return None;
    };
    Some([sites.min_value(page)?, sites.max_value(page)?])
}

/// The pages of a column with the rows of each.
fn page_rows(
    index: PageIndex<'_>,
    column: usize,
    rows: usize,
) -> Option<Vec<(usize, Range<usize>)>> {
    let pages = index.all.offset_index(index.group, column)?.page_locations();
    let starts = pages.iter().map(|page| usize::try_from(page.first_row_index).ok());
    let starts: Vec<usize> = starts.collect::<Option<_>>()?;
    let ends = starts.iter().skip(1).copied().chain([rows]);
    Some(starts.iter().zip(ends).map(|(start, end)| *start..end).enumerate().collect())
}
