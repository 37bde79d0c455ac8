//! Markdown tables, and numbers for people.

use std::fmt;

/// A table with a heading. The first column is text, the others are numbers.
#[derive(Debug)]
pub struct Table {
    columns: usize,
    text: String,
}

impl Table {
    /// A table without rows.
    pub fn new(columns: &[&str]) -> Self {
        let rules = ["---"].into_iter().chain(columns.iter().skip(1).map(|_| "---:"));
        let mut table = Self { columns: columns.len(), text: String::new() };
        table.push(columns.iter().copied());
        table.push(rules);
        table
    }

    /// Adds a row.
    pub fn row<S: AsRef<str>>(&mut self, cells: impl IntoIterator<Item = S>) {
        let cells: Vec<S> = cells.into_iter().collect();
        assert_eq!(cells.len(), self.columns, "a row must have the columns of its table");
        self.push(cells.iter().map(AsRef::as_ref));
    }

    fn push<'a>(&mut self, cells: impl Iterator<Item = &'a str>) {
        self.text += &["| ", &cells.collect::<Vec<_>>().join(" | "), " |\n"].concat();
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text.trim_end())
    }
}

/// `12,345`.
pub fn whole(number: f64) -> String {
    let digits = format!("{:.0}", number.abs());
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    if number < -0.5 { format!("-{text}") } else { text }
}

/// The value at `place` of the sorted values: 0 is the least, 0.5 the median, 1 the greatest.
pub fn quantile(values: &[f64], place: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let at = (sorted.len() as f64 * place) as usize;
    sorted.get(at).or(sorted.last()).copied().unwrap_or(f64::NAN)
}

/// The median, the least and the greatest.
pub fn spread(values: &[f64]) -> (f64, f64, f64) {
    (median(values), quantile(values, 0.0), quantile(values, 1.0))
}

/// The median.
pub fn median(values: &[f64]) -> f64 {
    quantile(values, 0.5)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped() {
        let shown: Vec<String> = [0.0, 999.0, 1000.0, 1_234_567.4, -1234.0].map(whole).into();
        assert_eq!(shown, ["0", "999", "1,000", "1,234,567", "-1,234"]);
    }

    #[test]
    fn quantiles_are_correct() {
        assert_eq!(spread(&[3.0, 1.0, 2.0]), (2.0, 1.0, 3.0));
    }
}
