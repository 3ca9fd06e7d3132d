//! The order of selected readings of one score: by instant and stream id, where Redis has them by their bytes.

use super::order::MAX_TIED_MEMBERS;
use super::selected_page::Selected;
use super::selection::Order;

/// Sorts readings of one score; they must be pushed in Redis' order.
#[derive(Debug)]
pub(super) struct SelectedTies<T = Vec<u8>> {
    order: Order,
    tied: Vec<Selected<T>>,
}

impl<T> SelectedTies<T> {
    pub const fn new(order: Order) -> Self {
        Self { order, tied: Vec::new() }
    }

    /// Adds the next reading, and passes those on whose order is final.
    pub fn push(&mut self, selected: Selected<T>, page: &mut Vec<Selected<T>>) {
        let score = |selected: &Selected<T>| selected.position.score();
        if self.tied.last().is_some_and(|last| score(last).total_cmp(&score(&selected)).is_ne()) {
            self.finish(page);
        }
        self.tied.push(selected);
        if self.tied.len() >= MAX_TIED_MEMBERS {
            self.flush_complete_milliseconds(page);
        }
    }

    /// Passes on the readings that are held back.
    pub fn finish(&mut self, page: &mut Vec<Selected<T>>) {
        self.sort();
        page.append(&mut self.tied);
    }

    fn flush_complete_milliseconds(&mut self, page: &mut Vec<Selected<T>>) {
        self.sort();
        let millisecond = |selected: &Selected<T>| selected.position.millisecond();
        let last = self.tied.last().and_then(millisecond);
        let complete = self.tied.partition_point(|selected| millisecond(selected) != last);
        page.extend(self.tied.drain(..complete));
    }

    fn sort(&mut self) {
        self.tied.sort_by(|a, b| a.position.compare(&b.position, self.order));
    }
}
