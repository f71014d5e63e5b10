//! References to images, and the engines that they are.
use super::tree::Item;
use crate::api::Engine;
use crate::lint::SCHEMA;
use crate::model::Recipe;
use crate::model::engine::recipe;
use crate::model::image::Reference;

/// An image, taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Image {
    /// Registry and path, written out: `docker.io/library/postgres`.
    pub repository: String,
    /// Tag; empty where there is none.
    pub tag: String,
}

/// Ports of public images, by the last part of their names: few files declare them.
const USUAL_PORTS: [(&str, u16); 30] = [
    ("adminer", 8080),
    ("cassandra", 9042),
    ("clickhouse-server", 8123),
    ("consul", 8500),
    ("couchdb", 5984),
    ("cp-kafka", 9092),
    ("cp-zookeeper", 2181),
    ("elasticsearch", 9200),
    ("etcd", 2379),
    ("eclipse-mosquitto", 1883),
    ("grafana", 3000),
    ("httpd", 80),
    ("influxdb", 8086),
    ("kafka", 9092),
    ("keycloak", 8080),
    ("mailhog", 1025),
    ("mailpit", 1025),
    ("mariadb", 3306),
    ("memcached", 11211),
    ("minio", 9000),
    ("mongo", 27017),
    ("mysql", 3306),
    ("nats", 4222),
    ("neo4j", 7687),
    ("nginx", 80),
    ("phpmyadmin", 80),
    ("prometheus", 9090),
    ("rabbitmq", 5672),
    ("vault", 8200),
    ("zookeeper", 2181),
];

impl Image {
    /// Takes a reference apart.
    pub fn parse(text: &str) -> Self {
        let Reference { name, tag, .. } = Reference::parse(text);
        let first = name.split('/').next().unwrap_or_default();
        let is_registry = name.contains('/') && (first.contains(['.', ':']) || first == "localhost");
        let repository = match (is_registry, name.contains('/')) {
            (true, _) => name.to_owned(),
            (false, true) => format!("docker.io/{name}"),
            (false, false) => format!("docker.io/library/{name}"),
        };
        Self { repository, tag: tag.unwrap_or_default().to_owned() }
    }
}

/// The port that a public image listens on.
pub fn usual_port(image: &Image) -> Option<u16> {
    let short = image.repository.rsplit('/').next().unwrap_or_default();
    USUAL_PORTS.iter().find(|(name, _)| *name == short).map(|(_, port)| *port)
}

/// The engines that have an image of their own, from the API itself.
pub fn engines() -> Vec<Recipe> {
    let words = &SCHEMA["properties"]["spec"]["properties"]["databases"]["additionalProperties"]["properties"]["engine"]["enum"];
    let engine = |word: &serde_json::Value| serde_json::from_value::<Engine>(word.clone()).ok();
    let recipes = words.as_array().into_iter().flatten().filter_map(engine).map(|engine| recipe(engine, "db"));
    recipes.filter(|recipe| !recipe.image.is_empty()).collect()
}

/// The engine whose own image this is.
pub fn official(image: &Image) -> Option<Recipe> {
    engines().into_iter().find(|recipe| recipe.image == image.repository)
}

/// The engine whose image this one is built upon: it takes the same credentials, and keeps its data in the same place.
pub fn derived(environment: &[(String, Item)], folders: &[&str]) -> Option<Recipe> {
    engines().into_iter().find(|recipe| {
        let has = |name: &str| environment.iter().any(|(known, _)| known == name);
        let keeps = |folder: &&str| {
            recipe.mount_path.starts_with(folder.trim_end_matches('/')) || folder.starts_with(recipe.mount_path.as_str())
        };
        recipe.credentials_env.iter().any(|(name, _)| has(name)) && folders.iter().filter(|folder| folder.len() > 1).any(keeps)
    })
}

/// What to write as the version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Version {
    /// This one.
    Known(String),
    /// The file says none.
    Unsaid,
    /// The engine's row does not have the one of the file.
    Unknown(String),
}

/// The version of a tag, and whether the tag has a flavour beside it.
pub fn version(tag: &str, recipe: &Recipe) -> (Version, bool) {
    let digits: String = tag.chars().take_while(|c| c.is_ascii_digit() || *c == '.').collect();
    let digits = digits.trim_matches('.');
    let flavour = !tag[digits.len()..].is_empty() && tag != "latest";
    if digits.is_empty() {
        return (Version::Unsaid, flavour);
    }
    let begins = |longer: &str, shorter: &str| longer == shorter || longer.starts_with(&format!("{shorter}."));
    if recipe.versions.is_empty() || recipe.versions.iter().any(|known| begins(digits, known)) {
        return (Version::Known(digits.to_owned()), flavour);
    }
    let newer = recipe.versions.iter().rev().find(|known| begins(known, digits));
    (newer.map_or_else(|| Version::Unknown(digits.to_owned()), |known| Version::Known((*known).to_owned())), flavour)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_is_what_docker_takes_it_for() {
        for (text, repository, tag) in [
            ("postgres", "docker.io/library/postgres", ""),
            ("postgres:15-alpine", "docker.io/library/postgres", "15-alpine"),
            ("bitnami/redis:7@sha256:00", "docker.io/bitnami/redis", "7"),
            ("localhost:5000/web", "localhost:5000/web", ""),
            ("ghcr.io/a/b:1", "ghcr.io/a/b", "1"),
        ] {
            assert_eq!(Image::parse(text), Image { repository: repository.to_owned(), tag: tag.to_owned() }, "{text}");
        }
    }

    #[test]
    fn every_engine_with_an_image_is_found_by_it() {
        let engines = engines();
        assert!(engines.len() >= 4);
        for engine in engines {
            assert_eq!(official(&Image::parse(&engine.image)).map(|found| found.engine), Some(engine.engine));
        }
    }

    #[test]
    fn a_tag_gives_the_version_without_its_flavour() {
        let postgres = recipe(Engine::Postgres, "db");
        let known = |text: &str| Version::Known(text.to_owned());
        assert_eq!(version("15.4-alpine", &postgres), (known("15.4"), true));
        assert_eq!(version("17", &postgres), (known("17"), false));
        assert_eq!(version("latest", &postgres), (Version::Unsaid, false));
        assert_eq!(version("9.6", &postgres), (Version::Unknown("9.6".to_owned()), false));
        assert_eq!(version("3-management", &recipe(Engine::Rabbitmq, "mq")), (known("3.13"), true));
    }
}
