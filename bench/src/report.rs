//! The table of a scenario: a row a figure, a column a subject, medians with their extremes.

use std::fmt::{self, Write};
use std::iter;

/// A row.
#[derive(Debug, Clone, Copy)]
pub struct Figure {
    /// What it is, with its unit.
    name: &'static str,
    /// Digits after the point.
    decimals: usize,
    /// Whether it says something about the subject, and not only about the run.
    compared: bool,
}

impl Figure {
    /// A figure of the subject.
    pub const fn new(name: &'static str, decimals: usize) -> Self {
        Self { name, decimals, compared: true }
    }

    /// A figure of the run, by which to judge whether the others are worth anything.
    pub const fn of_the_run(name: &'static str, decimals: usize) -> Self {
        Self { name, decimals, compared: false }
    }
}

/// The runs of all subjects. Shown as a Markdown table; beside each subject but the last stand its
/// figures as multiples of the last one's in the same turn.
#[derive(Debug)]
pub struct Report<const FIGURES: usize> {
    figures: [Figure; FIGURES],
    columns: Vec<Column<FIGURES>>,
}

#[derive(Debug)]
struct Column<const FIGURES: usize> {
    title: String,
    runs: Vec<[f64; FIGURES]>,
}

impl<const FIGURES: usize> Report<FIGURES> {
    /// A table without runs.
    pub fn new(figures: [Figure; FIGURES], titles: impl IntoIterator<Item = String>) -> Self {
        let column = |title| Column { title, runs: Vec::new() };
        Self { figures, columns: titles.into_iter().map(column).collect() }
    }

    /// Adds a run of the subject with this number.
    pub fn add(&mut self, subject: usize, figures: [f64; FIGURES]) {
        if let Some(column) = self.columns.get_mut(subject) {
            column.runs.push(figures);
        }
    }

    fn head(&self) -> Vec<String> {
        let titles = |(column, is_last): (&Column<FIGURES>, bool)| {
            iter::once(column.title.clone()).chain((!is_last).then(|| "ratio".to_owned()))
        };
        iter::once(String::new()).chain(self.columns().flat_map(titles)).collect()
    }

    fn row(&self, index: usize, figure: Figure) -> Vec<String> {
        let cells = |(column, is_last): (&Column<FIGURES>, bool)| {
            let values = Spread::of(column.runs.iter().map(|run| run[index])).show(figure.decimals);
            iter::once(values).chain((!is_last).then(|| self.ratio(column, index, figure)))
        };
        iter::once(figure.name.to_owned()).chain(self.columns().flat_map(cells)).collect()
    }

    fn ratio(&self, column: &Column<FIGURES>, index: usize, figure: Figure) -> String {
        let last = self.columns.last().filter(|_| figure.compared);
        last.map_or_else(String::new, |last| {
            let turns = column.runs.iter().zip(&last.runs);
            Spread::of(turns.map(|(run, of_last)| run[index] / of_last[index])).show(2)
        })
    }

    /// The columns, and whether each is the last: that which the others are compared with.
    fn columns(&self) -> impl Iterator<Item = (&Column<FIGURES>, bool)> {
        let last = self.columns.len().saturating_sub(1);
        self.columns.iter().enumerate().map(move |(index, column)| (column, index == last))
    }
}

impl<const FIGURES: usize> fmt::Display for Report<FIGURES> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rows = self.figures.iter().enumerate().map(|(index, &figure)| self.row(index, figure));
        let rows: Vec<_> = iter::once(self.head()).chain(rows).collect();
        let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max();
        let widths: Vec<_> = (0..rows[0].len()).map(|column| width(column).unwrap_or(0)).collect();
        for (number, row) in rows.iter().enumerate() {
            writeln!(f, "{}", line(row, &widths, ' '))?;
            if number == 0 {
                writeln!(f, "{}", line(&vec![String::new(); widths.len()], &widths, '-'))?;
            }
        }
        Ok(())
    }
}

fn line(cells: &[String], widths: &[usize], fill: char) -> String {
    let mut line = String::from("|");
    for (cell, width) in cells.iter().zip(widths) {
        let padding: String = iter::repeat_n(fill, width - cell.chars().count()).collect();
        // Writing to a string cannot fail.
        let _ = write!(line, "{fill}{cell}{padding}{fill}|");
    }
    line
}

/// The median of some runs with the lowest and the highest.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Spread {
    median: f64,
    min: f64,
    max: f64,
}

impl Spread {
    /// Of an even number of values the median is the mean of the middle two; of none it is no number.
    fn of(values: impl Iterator<Item = f64>) -> Self {
        let mut values: Vec<f64> = values.collect();
        values.sort_by(f64::total_cmp);
        let at = |index: usize| values.get(index).copied().unwrap_or(f64::NAN);
        let (low, high) = (values.len().saturating_sub(1) / 2, values.len() / 2);
        Self {
            median: f64::midpoint(at(low), at(high)),
            min: at(0),
            max: at(values.len().saturating_sub(1)),
        }
    }

    fn show(self, decimals: usize) -> String {
        let Self { median, min, max } = self;
        format!("{median:.decimals$} ({min:.decimals$}..{max:.decimals$})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_of_an_even_number_of_runs_is_between_the_middle_two() {
        let spread = |values: &[f64]| Spread::of(values.iter().copied());
        assert_eq!(spread(&[3.0, 1.0, 2.0]), Spread { median: 2.0, min: 1.0, max: 3.0 });
        assert_eq!(spread(&[4.0, 1.0, 2.0, 3.0]), Spread { median: 2.5, min: 1.0, max: 4.0 });
        assert_eq!(spread(&[7.0]), Spread { median: 7.0, min: 7.0, max: 7.0 });
    }

    #[test]
    fn each_figure_is_compared_with_the_last_subject_turn_by_turn() {
        let titles = ["ours", "plain"].map(str::to_owned);
        let mut report = Report::new([Figure::new("readings/s", 0)], titles);
        for (ours, plain) in [(50.0, 100.0), (30.0, 40.0), (8.0, 10.0)] {
            report.add(0, [ours]);
            report.add(1, [plain]);
        }
        let shown = "\
            |            | ours       | ratio             | plain        |\n\
            |------------|------------|-------------------|--------------|\n\
            | readings/s | 30 (8..50) | 0.75 (0.50..0.80) | 40 (10..100) |\n";
        assert_eq!(report.to_string(), shown);
    }
}
