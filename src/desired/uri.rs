//! Connection URIs of databases, from the form in the engine's recipe.
use crate::model::Database;

/// With generated credentials. User, password and database are percent-encoded.
pub fn complete(database: &Database, password: &str) -> String {
    let encoded = [&database.recipe.username, password, &database.database].map(percent_encoded);
    let [username, password, name] = &encoded;
    expanded(&database.recipe.uri, database, &database.objects.base, username, password, name)
}

/// To a host, as references to the variables `<PREFIX>_USERNAME` and `<PREFIX>_PASSWORD`.
pub fn by_reference(database: &Database, host: &str, prefix: &str) -> String {
    let [username, password] = ["USERNAME", "PASSWORD"].map(|key| format!("$({prefix}_{key})"));
    expanded(&database.recipe.uri, database, host, &username, &password, &database.database)
}

/// To a host, without credentials.
pub fn open(database: &Database, host: &str) -> String {
    expanded(&database.recipe.open_uri, database, host, "", "", &database.database)
}

fn expanded(form: &str, database: &Database, host: &str, username: &str, password: &str, name: &str) -> String {
    let port = database.recipe.port.to_string();
    let values =
        [("$(HOST)", host), ("$(PORT)", &port), ("$(DATABASE)", name), ("$(USERNAME)", username), ("$(PASSWORD)", password)];
    values.iter().fold(form.to_owned(), |uri, (reference, value)| uri.replace(reference, value))
}

/// RFC 3986: everything but unreserved characters as `%XX`.
fn percent_encoded(text: &str) -> String {
    use std::fmt::Write;
    text.bytes().fold(String::with_capacity(text.len()), |mut out, byte| {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(byte.into());
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
        out
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_with_reserved_characters_does_not_break_the_uri() {
        assert_eq!(percent_encoded("p@ss/wörd:~-._"), "p%40ss%2Fw%C3%B6rd%3A~-._");
    }
}
