//! What kubelet says of an image that cannot be had: each layer repeats the image, and the cause stands last.

/// How the outer layers begin; none of them tells why.
const LAYERS: [&str; 8] = [
    "Back-off pulling image",
    "ErrImagePull",
    "rpc error",
    "failed to pull and unpack image",
    "failed to resolve reference",
    "failed to resolve image",
    "failed to do request",
    "Failed to apply default image tag",
];

/// The image, once, and the cause; a message that tells no cause stays as it is.
pub fn cause(message: &str) -> String {
    let parts = || message.split(": ").map(|part| part.rsplit_once(" desc = ").map_or(part, |(_, inner)| inner));
    let is_layer = |part: &&str| LAYERS.iter().any(|layer| part.starts_with(layer));
    let Some(image) = parts().filter(is_layer).filter_map(|part| part.split('"').nth(1)).last() else {
        return message.to_owned();
    };
    let mut told = vec![image];
    for part in parts().filter(|part| !is_layer(part)) {
        if !told.contains(&part) {
            told.push(part);
        }
    }
    if told.len() == 1 { message.to_owned() } else { told.join(": ") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_layers_repeat_is_told_once_and_the_cause_is_kept() {
        let layers = r#"failed to pull and unpack image "docker.io/library/none:1": failed to resolve reference "docker.io/library/none:1""#;
        let absent = format!("rpc error: code = NotFound desc = {layers}: docker.io/library/none:1: not found");
        for message in [absent.clone(), format!(r#"Back-off pulling image "none:1": ErrImagePull: {absent}"#)] {
            assert_eq!(cause(&message), "docker.io/library/none:1: not found");
        }
        let unreached =
            r#"Head "https://registry.example.com/v2/none/manifests/1": dial tcp: lookup registry.example.com: no such host"#;
        let told = cause(&format!("{layers}: failed to do request: {unreached}"));
        assert_eq!(told, format!("docker.io/library/none:1: {unreached}"));
    }

    #[test]
    fn a_message_without_a_cause_stays_as_it_is() {
        for message in [r#"Back-off pulling image "web:1""#, "manifest unknown", ""] {
            assert_eq!(cause(message), message);
        }
    }
}
