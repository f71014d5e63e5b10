//! Whatever decodes is judged and never ends the process.
use serde_json::{Value, json};

use super::super::super::{Facts, VolumeFacts, check};
use crate::api::MicroserviceStack;

/// A small generator that gives the same values at every run.
struct Dice(u64);

type Make = fn(&mut Dice) -> Value;

impl Dice {
    /// A number below `sides`.
    fn roll(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % sides
    }

    fn text(&mut self) -> String {
        const TEXTS: [&str; 30] = [
            "",
            "a",
            "web",
            "db",
            "a-b",
            "a-b-c",
            "-",
            ".",
            "..",
            "/",
            "//",
            "/tmp",
            "/tmp/a",
            "é",
            "→→→",
            "0",
            "8080",
            "80:8080/udp",
            "1Gi",
            "-1",
            "1e3",
            "999999999999999999999999",
            "60s",
            "1h1m1s",
            ":",
            "h",
            "uri",
            "acme/x:1.2.3@sha256:0",
            "17",
            "None",
        ];
        match self.roll(12) {
            0 => "x".repeat(self.roll(400)),
            1 => format!("{}{}", self.text(), self.text()),
            _ => TEXTS[self.roll(TEXTS.len())].to_owned(),
        }
    }

    fn number(&mut self) -> Value {
        const NUMBERS: [i64; 9] = [0, 1, -1, 2, 80, 65536, i32::MAX as i64, i32::MIN as i64, 70];
        json!(NUMBERS[self.roll(NUMBERS.len())])
    }

    fn scalar(&mut self) -> Value {
        if self.roll(2) == 0 { self.number() } else { json!(self.text()) }
    }

    fn flag(&mut self) -> Value {
        json!(self.roll(2) == 0)
    }

    fn list(&mut self, item: fn(&mut Self) -> Value) -> Value {
        (0..self.roll(4)).map(|_| item(self)).collect()
    }

    fn map(&mut self, item: fn(&mut Self) -> Value) -> Value {
        (0..self.roll(4)).map(|_| (self.text(), item(self))).collect::<serde_json::Map<_, _>>().into()
    }

    /// An object with some of these fields.
    fn some(&mut self, fields: &[(&str, Make)]) -> Value {
        let mut object = serde_json::Map::new();
        for (name, value) in fields {
            if self.roll(3) == 0 {
                object.insert((*name).to_owned(), value(self));
            }
        }
        object.into()
    }

    fn string(&mut self) -> Value {
        json!(self.text())
    }

    fn probe(&mut self) -> Value {
        self.some(&[
            ("http", Self::string),
            ("tcp", Self::flag),
            ("grpc", Self::string),
            ("exec", |dice| dice.list(Self::string)),
            ("port", Self::string),
            ("period", Self::string),
            ("startup", Self::string),
            ("failures", Self::number),
        ])
    }

    fn resources(&mut self) -> Value {
        let limits: Make = |dice| dice.some(&[("cpu", Self::scalar), ("memory", Self::scalar)]);
        self.some(&[("cpu", Self::scalar), ("memory", Self::scalar), ("limits", limits)])
    }

    fn security(&mut self) -> Value {
        self.some(&[("runAsUser", Self::number), ("runAsGroup", Self::number), ("profile", |_| json!("Restricted"))])
    }

    fn route(&mut self) -> Value {
        let tls: Make = |dice| dice.some(&[("secret", Self::string)]);
        let texts = ["host", "path", "port", "timeout"].map(|name| (name, Self::string as Make));
        self.some(&[&texts[..], &[("tls", tls)]].concat())
    }

    fn peer(&mut self) -> Value {
        const NETWORKS: [&str; 7] = ["10.0.0.0/8", "10.1.0.0/16", "0.0.0.0/0", "::/0", "fd00::/8", "10.0.0.1/8", "10.0.0.0/99"];
        let network: Make = |dice| if dice.roll(3) == 0 { dice.string() } else { json!(NETWORKS[dice.roll(NETWORKS.len())]) };
        let except: Make = |dice| dice.list(|dice| json!(NETWORKS[dice.roll(NETWORKS.len())]));
        match self.roll(3) {
            0 => self.some(&[("namespace", Self::string), ("labels", |dice| dice.map(Self::string))]),
            1 => self.some(&[("cidr", network), ("cidr", network), ("except", except)]),
            _ => self.some(&[("namespace", Self::string), ("cidr", network), ("except", except)]),
        }
    }

    fn door(&mut self) -> Value {
        let mut door = self.peer();
        if self.roll(2) == 0 {
            door["ports"] = self.list(Self::string);
        }
        door
    }

    fn service(&mut self) -> Value {
        let mut service = self.some(&[
            ("port", Self::scalar),
            ("ports", |dice| dice.map(Self::scalar)),
            ("replicas", Self::number),
            ("scale", |dice| json!({ "max": dice.number(), "min": dice.number(), "cpu": dice.number() })),
            ("expose", |dice| dice.list(Self::route)),
            ("allowFrom", |dice| dice.list(Self::door)),
            ("egress", |dice| dice.list(Self::door)),
            ("uses", |dice| dice.list(Self::string)),
            ("usesOptional", |dice| dice.list(Self::string)),
            ("bindings", |dice| dice.map(|dice| json!({ "env": dice.map(Self::string) }))),
            ("health", Self::probe),
            ("ready", Self::probe),
            ("live", Self::probe),
            ("scratch", |dice| dice.list(Self::string)),
            ("config", |dice| dice.map(Self::scalar)),
            ("files", |dice| dice.map(Self::string)),
            ("secrets", |dice| dice.list(Self::string)),
            ("resources", Self::resources),
            ("security", Self::security),
        ]);
        service["image"] = self.string();
        service
    }

    fn database(&mut self) -> Value {
        let mut database = self.some(&[
            ("version", Self::scalar),
            ("image", Self::string),
            ("instances", Self::number),
            ("storage", |dice| json!({ "size": dice.scalar(), "class": dice.text() })),
            ("ephemeral", Self::flag),
            ("credentials", |dice| json!({ "secret": dice.text() })),
            ("auth", |_| json!("None")),
            ("allowFrom", |dice| dice.list(Self::peer)),
            ("init", |dice| dice.map(Self::string)),
            ("env", |dice| dice.map(Self::scalar)),
            ("port", Self::number),
            ("dataPath", Self::string),
            ("uri", Self::string),
            ("resources", Self::resources),
            ("security", Self::security),
        ]);
        database["engine"] = json!(["postgres", "valkey", "redis", "rabbitmq", "custom"][self.roll(5)]);
        database
    }

    fn stack(&mut self) -> Value {
        let spec = self.some(&[
            ("names", |dice| json!(["Plain", "Prefixed"][dice.roll(2)])),
            ("isolation", |dice| json!(["Strict", "Open"][dice.roll(2)])),
            ("egress", |dice| dice.list(Self::door)),
            ("config", |dice| dice.map(Self::scalar)),
            ("security", Self::security),
            (
                "routing",
                |dice| json!({ "gateway": { "name": dice.text(), "namespace": dice.text() }, "ingressClassName": dice.text(), "from": dice.list(Self::peer) }),
            ),
            ("services", |dice| dice.map(Self::service)),
            ("databases", |dice| dice.map(Self::database)),
            ("services", |dice| dice.map(Self::service)),
        ]);
        json!({ "metadata": { "name": self.text() }, "spec": spec })
    }

    fn facts(&mut self) -> Facts {
        let text = |dice: &mut Self| (dice.roll(2) == 0).then(|| dice.text());
        let volume = |dice: &mut Self| VolumeFacts {
            template_size: text(dice),
            template_class: text(dice),
            volume_size: text(dice),
            volume_class: text(dice),
            refused: text(dice),
            identity: text(dice),
            version: text(dice),
            members: (dice.roll(2) == 0).then_some(3),
            form: (dice.roll(2) == 0).then_some(1),
            guard_image: text(dice),
        };
        let volumes = (0..self.roll(4)).map(|_| (self.text(), volume(self))).collect();
        Facts { gateway_api: self.roll(2) == 0, grpc_routes: self.roll(2) == 0, volumes, ..Facts::default() }
    }
}

#[test]
fn no_spec_that_decodes_makes_the_check_panic() {
    let mut dice = Dice(1);
    let (mut valid, mut refused) = (0, 0);
    for _ in 0..5_000 {
        let object: MicroserviceStack = serde_json::from_value(dice.stack()).unwrap();
        match check(&object, &dice.facts()) {
            Ok(stack) => {
                valid += 1;
                assert_eq!(stack.waves.concat().len(), stack.services.len() + stack.databases.len());
            }
            Err(violations) => {
                refused += 1;
                assert!(!violations.0.is_empty());
                assert!(violations.0.iter().all(|violation| !violation.reason.is_empty() && !violation.fix.is_empty()));
            }
        }
    }
    assert!(valid > 20 && refused > 20, "{valid} valid, {refused} refused: the generator is lopsided");
}
