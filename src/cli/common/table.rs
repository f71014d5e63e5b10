//! Tables of plain text: columns as wide as they need, and no blanks at the end.
use super::output::{Colour, Screen};

/// A cell: its text, and a colour that says nothing of its own.
#[derive(Clone, Debug, Default)]
pub struct Cell {
    text: String,
    colour: Option<Colour>,
}

impl Cell {
    /// A cell in a colour.
    pub fn painted(text: impl Into<String>, colour: Colour) -> Self {
        Self { text: text.into(), colour: Some(colour) }
    }
}

impl<T: Into<String>> From<T> for Cell {
    fn from(text: T) -> Self {
        Self { text: text.into(), colour: None }
    }
}

/// The rows in columns below their heads. What does not fit in the last column goes on in lines of its own; columns that
/// are empty in every row are left out.
pub fn table(heads: &[&str], rows: &[Vec<Cell>], screen: Screen) -> String {
    let kept: Vec<usize> =
        (0..heads.len()).filter(|&at| rows.iter().any(|row| row.get(at).is_some_and(|cell| !cell.text.is_empty()))).collect();
    let Some((last, before)) = kept.split_last() else { return String::new() };
    let width = |at: usize| {
        let cells = rows.iter().filter_map(|row| row.get(at)).map(|cell| cell.text.chars().count());
        cells.chain([heads[at].chars().count()]).max().unwrap_or_default()
    };
    let widths: Vec<usize> = before.iter().map(|&at| width(at)).collect();
    let indent: usize = widths.iter().map(|width| width + 2).sum();
    let mut out = String::new();
    let line = |out: &mut String, cell: &dyn Fn(usize) -> Cell| {
        for (&at, width) in before.iter().zip(&widths) {
            let cell = cell(at);
            let fill = " ".repeat(width - cell.text.chars().count() + 2);
            out.push_str(&cell.colour.map_or(cell.text.clone(), |colour| screen.paint(colour, &cell.text)));
            out.push_str(&fill);
        }
        let end = cell(*last);
        let too_wide = !before.is_empty() && !end.text.is_empty() && indent + end.text.chars().count() > screen.width;
        if too_wide {
            *out = out.trim_end_matches(' ').to_owned();
            out.push_str("\n    ");
        }
        out.push_str(&end.colour.map_or(end.text.clone(), |colour| screen.paint(colour, &end.text)));
        *out = out.trim_end_matches(' ').to_owned();
        out.push('\n');
    };
    line(&mut out, &|at| heads[at].into());
    for row in rows {
        line(&mut out, &|at| row.get(at).cloned().unwrap_or_default());
    }
    out
}

/// The same, without some of the columns, one after the other, until each row fits in its line.
pub fn table_that_fits(heads: &[&str], rows: &[Vec<Cell>], expendable: &[&str], screen: Screen) -> String {
    let without = |left_out: &[&str]| {
        let emptied = |row: &Vec<Cell>| -> Vec<Cell> {
            let cells = heads.iter().zip(row);
            cells.map(|(head, cell)| if left_out.contains(head) { Cell::default() } else { cell.clone() }).collect()
        };
        table(heads, &rows.iter().map(emptied).collect::<Vec<_>>(), screen)
    };
    let whole = without(&[]);
    let mut tried = (1..=expendable.len()).map(|count| without(&expendable[..count]));
    let fits = |text: &String| text.lines().count() <= rows.len() + 1;
    if fits(&whole) { whole } else { tried.find(fits).unwrap_or(whole) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCREEN: Screen = Screen { colour: false, width: 40, unicode: true };

    fn rows(cells: &[&[&str]]) -> Vec<Vec<Cell>> {
        cells.iter().map(|row| row.iter().map(|&text| text.into()).collect()).collect()
    }

    #[test]
    fn columns_are_as_wide_as_they_need_and_empty_ones_are_left_out() {
        let rows = rows(&[&["a", "", "1"], &["longer", "", "22"]]);
        assert_eq!(table(&["NAME", "NOTHING", "COUNT"], &rows, SCREEN), "NAME    COUNT\na       1\nlonger  22\n");
    }

    #[test]
    fn what_does_not_fit_in_the_last_column_gets_a_line() {
        let rows = rows(&[&["web", "https://a-rather-long-name.example.com"]]);
        assert_eq!(table(&["NAME", "URL"], &rows, SCREEN), "NAME  URL\nweb\n    https://a-rather-long-name.example.com\n");
    }

    #[test]
    fn a_column_that_can_be_missed_goes_before_another_one_gets_a_line_of_its_own() {
        let rows = rows(&[&["web", "1/1", "https://shop.example.com"]]);
        let fitting = |width| table_that_fits(&["NAME", "READY", "URL"], &rows, &["READY", "URL"], Screen { width, ..SCREEN });
        assert_eq!(fitting(40), "NAME  READY  URL\nweb   1/1    https://shop.example.com\n");
        assert_eq!(fitting(32), "NAME  URL\nweb   https://shop.example.com\n");
        assert_eq!(fitting(12), "NAME\nweb\n");
    }

    #[test]
    fn no_rows_are_no_table() {
        assert_eq!(table(&["NAME"], &[], SCREEN), "");
    }
}
