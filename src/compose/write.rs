//! The stack as a manifest, with the notes as comments above it.
use std::fmt::Write;

use super::notes::{Kind, Note};
use crate::api::MicroserviceStack;

const WIDTH: usize = 110;

/// The manifest.
///
/// # Errors
/// When the stack cannot be written.
pub fn write(stack: &MicroserviceStack, notes: &[Note], from: &str) -> Result<String, String> {
    let mut out =
        format!("# Converted from {from}. `mstack lint -f FILE` checks it, `mstack explain services.uses` tells of a field.\n");
    for kind in Kind::ALL {
        let of_kind: Vec<&Note> = notes.iter().filter(|note| note.kind == kind).collect();
        if !of_kind.is_empty() {
            let _ = writeln!(out, "#\n# {}", kind.heading());
        }
        for note in of_kind {
            for (number, line) in wrapped(&note.to_string()).iter().enumerate() {
                let _ = writeln!(out, "# {} {line}", if number == 0 { "-" } else { " " });
            }
        }
    }
    let text = serde_saphyr::to_string(stack).map_err(|error| error.to_string())?;
    Ok(out + text.trim_end() + "\n")
}

fn wrapped(text: &str) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        let last = lines.last_mut().filter(|last| last.is_empty() || last.chars().count() + word.chars().count() < WIDTH);
        match last {
            Some(last) => {
                if !last.is_empty() {
                    last.push(' ');
                }
                last.push_str(word);
            }
            None => lines.push(word.to_owned()),
        }
    }
    lines
}
