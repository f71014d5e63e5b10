//! The `mstack` of this machine as a user of the shop's namespace types it, and what it says.
use std::io::Write;
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::running::Running;
use crate::world::World;

/// How a command ended and what it printed.
#[derive(Debug)]
pub struct Said {
    pub code: i32,
    pub out: String,
    pub err: String,
}

impl World {
    fn command(&self, args: &[&str]) -> Command {
        let kubectl = cluster::kubectl().unwrap();
        let path = format!("{}:{}", kubectl.parent().unwrap().display(), std::env::var("PATH").unwrap());
        let mut command = Command::new(env!("CARGO_BIN_EXE_mstack"));
        command.args(args).env("KUBECONFIG", self.kubeconfig()).env("PATH", path).env("COLUMNS", "80").env("LC_ALL", "C.UTF-8");
        if !args.contains(&"-n") {
            command.args(["-n", "shop"]);
        }
        command
    }

    /// Runs a command to its end.
    pub fn say(&self, args: &[&str], stdin: &str) -> Said {
        let mut command = self.command(args);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(stdin.as_bytes()).unwrap();
        let output = child.wait_with_output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Said { code: output.status.code().unwrap(), out: text(output.stdout), err: text(output.stderr) }
    }

    /// A command that succeeds and has nothing to remark, and what it printed.
    pub fn told(&self, args: &[&str]) -> String {
        let said = self.say(args, "");
        assert_eq!((said.code, said.err.as_str()), (0, ""), "mstack {args:?}: {}", said.out);
        said.out
    }

    /// The same, for programs.
    pub fn told_json(&self, args: &[&str]) -> Value {
        serde_json::from_str(&self.told(&[args, &["-o", "json"]].concat())).unwrap()
    }

    /// A command that goes on until it is interrupted.
    pub fn begin(&self, args: &[&str]) -> Running {
        Running::begin(&mut self.command(args))
    }
}
