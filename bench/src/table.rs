//! Markdown tables whose columns are aligned in plain text, too.

use std::fmt::Write;
use std::iter;

/// Formats a head and rows of equally many cells.
pub fn show(head: Vec<String>, rows: Vec<Vec<String>>) -> String {
    let columns = head.len();
    let rows: Vec<_> = iter::once(head).chain(rows).collect();
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max();
    let widths: Vec<_> = (0..columns).map(|column| width(column).unwrap_or(0)).collect();
    let mut shown = String::new();
    for (number, row) in rows.iter().enumerate() {
        line(&mut shown, row, &widths, ' ');
        if number == 0 {
            line(&mut shown, &vec![String::new(); columns], &widths, '-');
        }
    }
    shown
}

fn line(shown: &mut String, cells: &[String], widths: &[usize], fill: char) {
    shown.push('|');
    for (cell, width) in cells.iter().zip(widths) {
        let padding: String = iter::repeat_n(fill, width - cell.chars().count()).collect();
        // Writing to a string cannot fail.
        let _ = write!(shown, "{fill}{cell}{padding}{fill}|");
    }
    shown.push('\n');
}
