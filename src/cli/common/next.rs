//! Commands that a message tells the user to type next. They name the namespace, so that they work wherever they are typed.
use serde_json::Value;

use super::access::name_of;

/// A command about a stack that was read; `STACK` stands for its name.
pub fn command(line: &str, stack: &Value) -> String {
    command_in(line, stack["metadata"]["namespace"].as_str().unwrap_or_default(), name_of(stack))
}

/// A command about a stack of a namespace; `STACK` stands for its name.
pub fn command_in(line: &str, namespace: &str, stack: &str) -> String {
    format!("mstack {} -n {namespace}", line.replace("STACK", stack))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_command_to_type_names_the_stack_and_its_namespace() {
        let stack = json!({"metadata": {"name": "shop", "namespace": "team"}});
        assert_eq!(command("scale STACK api=MIN..MAX", &stack), "mstack scale shop api=MIN..MAX -n team");
    }
}
