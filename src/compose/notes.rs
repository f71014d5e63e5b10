//! What is said of a conversion: what is left to do, what is left out, and what is different.
use std::fmt;
use std::sync::Arc;

/// A place in a Compose file.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The file.
    pub file: Arc<str>,
    /// The line, from 1.
    pub line: usize,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.file, self.line)
    }
}

/// How much a note matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// The stack does not run as it should before this is done.
    Todo,
    /// It is not in the stack.
    Left,
    /// It is in the stack, and works in another way.
    Changed,
}

impl Kind {
    /// All kinds, the most important first.
    pub const ALL: [Self; 3] = [Self::Todo, Self::Left, Self::Changed];

    /// One word for programs and at the begin of a line.
    pub fn word(self) -> &'static str {
        match self {
            Self::Todo => "todo",
            Self::Left => "left out",
            Self::Changed => "changed",
        }
    }

    /// A heading.
    pub fn heading(self) -> &'static str {
        match self {
            Self::Todo => "To do before it runs:",
            Self::Left => "Left out:",
            Self::Changed => "Different from Compose:",
        }
    }
}

/// One note.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Note {
    /// How much it matters.
    pub kind: Kind,
    /// Where it stands.
    pub place: Place,
    /// Path in the Compose file, such as `services.web.privileged`.
    pub path: String,
    /// What is the case and why.
    pub what: String,
    /// What to do; may be empty.
    pub fix: String,
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}: {}", self.place, self.path, self.what)?;
        if self.fix.is_empty() { Ok(()) } else { write!(f, "; {}", self.fix) }
    }
}

/// Notes as they are made.
#[derive(Debug, Default)]
pub struct Notes(Vec<Note>);

impl Notes {
    /// Adds what is left to do.
    pub fn todo(&mut self, place: &Place, path: impl Into<String>, what: impl Into<String>, fix: impl Into<String>) {
        self.add(Kind::Todo, place, path.into(), what.into(), fix.into());
    }

    /// Adds what is left out.
    pub fn left(&mut self, place: &Place, path: impl Into<String>, what: impl Into<String>, fix: impl Into<String>) {
        self.add(Kind::Left, place, path.into(), what.into(), fix.into());
    }

    /// Adds what works in another way.
    pub fn changed(&mut self, place: &Place, path: impl Into<String>, what: impl Into<String>, fix: impl Into<String>) {
        self.add(Kind::Changed, place, path.into(), what.into(), fix.into());
    }

    fn add(&mut self, kind: Kind, place: &Place, path: String, what: String, fix: String) {
        let note = Note { kind, place: place.clone(), path, what, fix };
        if !self.0.contains(&note) {
            self.0.push(note);
        }
    }

    /// All of them: by importance, then as the files have them.
    pub fn sorted(mut self) -> Vec<Note> {
        self.0.sort();
        self.0
    }
}
