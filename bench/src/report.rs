//! The report of a scenario: one row a figure, one column a subject; median and range of the runs.

use std::iter;

use crate::table;

/// A row.
#[derive(Debug, Clone, Copy)]
pub struct Figure {
    /// Name with unit.
    pub name: &'static str,
    /// Digits after the point.
    decimals: usize,
    /// Whether it is a property of the subject, not only of the run.
    compared: bool,
}

impl Figure {
    /// A figure of the subject.
    pub const fn new(name: &'static str, decimals: usize) -> Self {
        Self { name, decimals, compared: true }
    }

    /// A condition of the run, which shows whether the other figures are valid.
    pub const fn run_condition(name: &'static str, decimals: usize) -> Self {
        Self { name, decimals, compared: false }
    }
}

/// The runs of all subjects. A ratio is the first subject's figure divided by another's of the same round.
#[derive(Debug)]
pub struct Report {
    figures: Vec<Figure>,
    columns: Vec<Column>,
}

#[derive(Debug)]
struct Column {
    title: String,
    runs: Vec<Vec<f64>>,
}

/// A figure of the first subject and of another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Comparison {
    pub figure: &'static str,
    pub first: String,
    pub other: String,
    pub of_other: String,
    pub ratio: String,
}

impl Report {
    /// A table without runs.
    pub fn new(figures: &[Figure], titles: impl IntoIterator<Item = String>) -> Self {
        let column = |title| Column { title, runs: Vec::new() };
        Self { figures: figures.to_vec(), columns: titles.into_iter().map(column).collect() }
    }

    /// Adds a run of the subject with this number.
    pub fn add(&mut self, subject: usize, figures: &[f64]) {
        if let Some(column) = self.columns.get_mut(subject) {
            column.runs.push(figures.to_vec());
        }
    }

    /// The title of the first subject.
    pub fn first(&self) -> &str {
        self.columns.first().map_or("", |column| &column.title)
    }

    /// Each figure of the first subject with that of each other subject that has it; alone if no other has it.
    pub fn comparisons(&self) -> Vec<Comparison> {
        self.figures.iter().enumerate().flat_map(|row| self.comparisons_of(row)).collect()
    }

    fn comparisons_of(&self, row: (usize, &Figure)) -> Vec<Comparison> {
        let Some(first) = self.columns.first() else {
            return Vec::new();
        };
        let alone = Comparison {
            figure: row.1.name,
            first: spread(first, row),
            other: String::new(),
            of_other: String::new(),
            ratio: String::new(),
        };
        let others = self.columns.iter().enumerate().skip(1).filter(|_| row.1.compared);
        let compared = others.map(|(number, column)| Comparison {
            other: column.title.clone(),
            of_other: spread(column, row),
            ratio: self.ratio(number, row),
            ..alone.clone()
        });
        let compared: Vec<_> = compared.filter(|comparison| comparison.of_other != NONE).collect();
        if compared.is_empty() { vec![alone] } else { compared }
    }

    fn ratio(&self, other: usize, (index, figure): (usize, &Figure)) -> String {
        let (Some(first), Some(other)) = (self.columns.first(), self.columns.get(other)) else {
            return String::new();
        };
        if !figure.compared {
            return String::new();
        }
        let runs = first.runs.iter().zip(&other.runs);
        Spread::of(runs.map(|(run, of_other)| run[index] / of_other[index])).show(2)
    }

    fn head(&self) -> Vec<String> {
        let titles = self.columns.iter().enumerate().flat_map(|(number, column)| {
            iter::once(column.title.clone()).chain((number > 0).then(|| "ratio to it".to_owned()))
        });
        iter::once(String::new()).chain(titles).collect()
    }

    fn row(&self, row: (usize, &Figure)) -> Vec<String> {
        let cells = self.columns.iter().enumerate().flat_map(|(number, column)| {
            iter::once(spread(column, row)).chain((number > 0).then(|| self.ratio(number, row)))
        });
        iter::once(row.1.name.to_owned()).chain(cells).collect()
    }

    /// A table with one column a subject.
    pub fn show(&self) -> String {
        let rows = self.figures.iter().enumerate().map(|row| self.row(row)).collect();
        table::show(self.head(), rows)
    }
}

fn spread(column: &Column, (index, figure): (usize, &Figure)) -> String {
    Spread::of(column.runs.iter().map(|run| run[index])).show(figure.decimals)
}

/// The cell of a figure that a subject does not have.
const NONE: &str = "-";

/// Median and range of several runs.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Spread {
    median: f64,
    min: f64,
    max: f64,
}

impl Spread {
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

    /// NaN, of a figure that a subject does not have, is shown as a dash.
    fn show(self, decimals: usize) -> String {
        let Self { median, min, max } = self;
        if median.is_finite() {
            format!("{median:.decimals$} ({min:.decimals$}..{max:.decimals$})")
        } else {
            NONE.to_owned()
        }
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

    fn report() -> Report {
        let titles = ["ours", "plain"].map(str::to_owned);
        let figures = [Figure::new("readings/s", 0), Figure::run_condition("others' CPU", 1)];
        let mut report = Report::new(&figures, titles);
        for (ours, plain) in [(50.0, 100.0), (30.0, 40.0), (8.0, 10.0)] {
            report.add(0, &[ours, 0.5]);
            report.add(1, &[plain, f64::NAN]);
        }
        report
    }

    #[test]
    fn the_first_subject_is_compared_with_each_other_by_round() {
        let shown = "\
            |             | ours           | plain        | ratio to it       |\n\
            |-------------|----------------|--------------|-------------------|\n\
            | readings/s  | 30 (8..50)     | 40 (10..100) | 0.75 (0.50..0.80) |\n\
            | others' CPU | 0.5 (0.5..0.5) | -            |                   |\n";
        assert_eq!(report().show(), shown);
    }

    #[test]
    fn a_comparison_names_the_other_subject() {
        let first = Comparison {
            figure: "readings/s",
            first: "30 (8..50)".to_owned(),
            other: "plain".to_owned(),
            of_other: "40 (10..100)".to_owned(),
            ratio: "0.75 (0.50..0.80)".to_owned(),
        };
        assert_eq!(report().comparisons()[0], first);
    }

    #[test]
    fn a_figure_that_no_other_subject_has_stands_alone() {
        let mut report = Report::new(&[Figure::new("RSS", 0)], ["a", "b"].map(str::to_owned));
        report.add(0, &[7.0]);
        report.add(1, &[f64::NAN]);
        let comparisons = report.comparisons();
        assert_eq!((comparisons.len(), comparisons[0].other.as_str()), (1, ""));
        assert_eq!(comparisons[0].first, "7 (7..7)");
    }
}
