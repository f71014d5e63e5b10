//! The one table of the words that tell how a stack is: conditions, reasons, phases and root causes. Operations is made from
//! it, and `mstack explain` reads it. Pure data.
mod rows;

pub use rows::{CAUSES, CONDITIONS, OTHER_REASONS, PHASES, REASONS};

/// One row: words that mean the same, and what is to be known of them; Markdown.
#[derive(Debug)]
pub struct Row {
    /// The words, such as `ErrImagePull` and `ImagePullBackOff`.
    pub words: &'static [&'static str],
    /// What it means; of a condition: that it is true.
    pub means: &'static str,
    /// What to do; of a condition: what it means that it is false.
    pub then: &'static str,
}

/// What a word is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A condition of the status.
    Condition,
    /// A reason of the condition `Ready`.
    Reason,
    /// A reason of another condition, or of an Event.
    OtherReason,
    /// The phase of a component.
    Phase,
    /// The word that the message of a component begins with.
    Cause,
}

impl Kind {
    /// All of them, in the order of Operations.
    pub const ALL: [Self; 5] = [Self::Condition, Self::Reason, Self::OtherReason, Self::Phase, Self::Cause];

    /// Its rows.
    pub fn rows(self) -> &'static [Row] {
        match self {
            Self::Condition => CONDITIONS,
            Self::Reason => REASONS,
            Self::OtherReason => OTHER_REASONS,
            Self::Phase => PHASES,
            Self::Cause => CAUSES,
        }
    }

    /// What it is, for a reader.
    pub fn title(self) -> &'static str {
        match self {
            Self::Condition => "condition",
            Self::Reason => "reason of `Ready`",
            Self::OtherReason => "another reason",
            Self::Phase => "phase",
            Self::Cause => "root cause",
        }
    }
}

/// All that is to be known of a word, however its letters are written.
pub fn of(word: &str) -> Vec<(Kind, &'static Row)> {
    let means = |row: &&Row| row.words.iter().any(|known| known.eq_ignore_ascii_case(word));
    Kind::ALL.into_iter().flat_map(|kind| kind.rows().iter().filter(means).map(move |row| (kind, row))).collect()
}

/// Every word once, in the order of the alphabet.
pub fn words() -> Vec<&'static str> {
    let rows = Kind::ALL.into_iter().flat_map(Kind::rows);
    let mut words: Vec<&str> = rows.flat_map(|row| row.words).copied().collect();
    words.sort_unstable();
    words.dedup();
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_stands_once_in_each_table_and_says_what_and_what_then() {
        for kind in Kind::ALL {
            let mut words: Vec<&str> = kind.rows().iter().flat_map(|row| row.words).copied().collect();
            let count = words.len();
            words.sort_unstable();
            words.dedup();
            assert_eq!(words.len(), count, "{kind:?}");
            assert!(kind.rows().iter().all(|row| !row.means.is_empty() && !row.then.is_empty()), "{kind:?}");
        }
    }

    #[test]
    fn a_word_may_be_of_several_kinds_and_its_letters_do_not_matter() {
        let kinds = |word| of(word).into_iter().map(|(kind, _)| kind).collect::<Vec<_>>();
        assert_eq!(kinds("datalost"), [Kind::Reason, Kind::Cause]);
        assert_eq!(kinds("Ready"), [Kind::Condition, Kind::Phase]);
        assert_eq!(kinds("ready-made"), []);
    }
}
