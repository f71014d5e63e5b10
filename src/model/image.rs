//! A reference to an image, taken apart as far as no registry has to be asked.

/// The parts of a reference, such as `ghcr.io/acme/web:1.8.2@sha256:00`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reference<'a> {
    /// Registry and path, as written: `ghcr.io/acme/web`.
    pub name: &'a str,
    /// What stands after the `:`, such as `1.8.2`.
    pub tag: Option<&'a str>,
    /// What stands after the `@`, such as `sha256:00`.
    pub digest: Option<&'a str>,
}

impl<'a> Reference<'a> {
    /// Takes a reference apart. The `:` of a registry's port is none of a tag.
    pub fn parse(text: &'a str) -> Self {
        let (rest, digest) = text.split_once('@').map_or((text, None), |(rest, digest)| (rest, Some(digest)));
        let (name, tag) = match rest.rsplit_once(':') {
            Some((name, tag)) if !tag.contains('/') => (name, Some(tag)),
            _ => (rest, None),
        };
        Self { name, tag, digest }
    }

    /// Whether it stands for one image for ever, as far as its words tell: it has a digest, or a tag other than `latest`.
    pub fn is_fixed(&self) -> bool {
        self.digest.is_some() || self.tag.is_some_and(|tag| tag != "latest")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reference_has_a_name_and_may_have_a_tag_and_a_digest() {
        let parts = |text| {
            let Reference { name, tag, digest } = Reference::parse(text);
            (name, tag, digest)
        };
        assert_eq!(parts("web"), ("web", None, None));
        assert_eq!(parts("localhost:5000/web"), ("localhost:5000/web", None, None));
        assert_eq!(parts("localhost:5000/web:1"), ("localhost:5000/web", Some("1"), None));
        assert_eq!(parts("acme/web@sha256:00"), ("acme/web", None, Some("sha256:00")));
        assert_eq!(parts("acme/web:1@sha256:00"), ("acme/web", Some("1"), Some("sha256:00")));
    }

    #[test]
    fn a_digest_or_a_tag_of_a_release_is_fixed() {
        let fixed = |text| Reference::parse(text).is_fixed();
        assert!(["web:1", "localhost:5000/web:1-alpine", "web@sha256:00", "web:latest@sha256:00"].into_iter().all(fixed));
        assert!(!["web", "web:latest", "localhost:5000/web"].into_iter().any(fixed));
    }
}
