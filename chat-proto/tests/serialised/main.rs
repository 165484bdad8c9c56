//! The JSON of everything that travels, and what is refused. A changed snapshot is a change of the protocol.

mod frames;
mod made;
mod model;
mod refusals;
mod rest;
mod told;

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// Named values, one below the other, as the JSON that travels.
#[derive(Default)]
struct Shown(String);

impl Shown {
    /// Adds a value; checks that it can be read again without a loss.
    fn add<T: Serialize + DeserializeOwned>(mut self, name: &str, value: &T) -> Self {
        let json = serde_json::to_string_pretty(value).expect("it can be written");
        let again: T = serde_json::from_str(&json).expect("it can be read");
        let again = serde_json::to_string_pretty(&again).expect("it can be written again");
        assert_eq!(again, json, "{name} is read as something else");
        writeln!(self.0, "{name} {json}").expect("a String takes everything");
        self
    }
}

/// A free-form value with its keys in order, whatever `serde_json` was built to do with them.
fn content(value: &impl Serialize) -> Value {
    fn sorted(value: Value) -> Value {
        match value {
            Value::Object(map) => {
                let keys: BTreeMap<_, _> = map.into_iter().map(|(key, value)| (key, sorted(value))).collect();
                Value::Object(keys.into_iter().collect())
            }
            Value::Array(items) => items.into_iter().map(sorted).collect(),
            other => other,
        }
    }
    sorted(serde_json::to_value(value).expect("it can be written"))
}
