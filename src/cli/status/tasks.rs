//! Tests, jobs and migrations on the screen of `mstack status`. Pure.
use std::fmt::Write;

use serde::Deserialize;

use super::super::common::output::{Screen, wrap};
use super::super::common::table::{Cell, table};
use super::view::signed;
use crate::web::view::{Health, View};

/// What its Job tells of a migration, a test or a job.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Ran {
    /// `<kind>-<name>`, as the label of the Job says.
    pub task: String,
    /// Name of the Job.
    pub job: String,
    /// How it is, in the words of a test.
    pub phase: String,
    /// When it ran and how long, in words.
    pub when: String,
}

/// One line, and what is said below it.
struct Row {
    name: String,
    health: Health,
    phase: String,
    when: String,
    message: String,
}

/// The table of what runs to its end; none where there is nothing of the kind.
pub fn text(view: &View, ran: &[Ran], screen: Screen) -> String {
    let rows = rows(view, ran);
    let cells = |row: &Row| vec![row.name.clone().into(), signed(row.health, &row.phase, screen), Cell::from(row.when.clone())];
    let table = table(&["TASK", "PHASE", "WHEN"], &rows.iter().map(cells).collect::<Vec<_>>(), screen);
    let mut out = String::new();
    for (at, line) in table.lines().enumerate() {
        let _ = writeln!(out, "{line}");
        let message = at.checked_sub(1).and_then(|at| rows.get(at)).map(|row| row.message.as_str()).unwrap_or_default();
        for line in wrap(message, screen.width - 4) {
            let _ = writeln!(out, "    {line}");
        }
    }
    if out.is_empty() { out } else { format!("\n{out}") }
}

/// Migrations, then tests, then jobs. What a Job tells is the latest of its kind.
fn rows(view: &View, ran: &[Ran]) -> Vec<Row> {
    let migrations = view.components.iter().filter(|component| component.migrates).filter_map(|component| {
        let id = format!("migrate-{}", component.name);
        let last = ran.iter().rfind(|ran| ran.task == id)?;
        Some(Row {
            name: format!("migrate {}", component.name),
            health: Health::of_task(&last.phase),
            phase: last.phase.clone(),
            when: last.when.clone(),
            message: String::new(), // The service has it.
        })
    });
    let others = view.tasks.iter().map(|task| Row {
        name: format!("{} {}", task.kind, task.name),
        health: task.health,
        phase: task.phase.clone(),
        when: ran.iter().rfind(|ran| ran.job == task.job).map(|ran| ran.when.clone()).unwrap_or_default(),
        message: task.message.clone(),
    });
    migrations.chain(others).collect()
}
