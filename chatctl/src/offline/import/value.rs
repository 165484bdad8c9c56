//! Records of a dump, whether they were written as BSON or as extended JSON: only the fields that are read, and no deeper
//! than anything that means something.

use bson::raw::{RawBsonRef, RawDocument};
use chat_proto::{ObjectId, Timestamp};
use serde_json::Value as Json;

use super::mapping::ENTRY;

/// The value of a field.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Value {
    Null,
    Id(ObjectId),
    Text(String),
    Flag(bool),
    Number(i64),
    Moment(i64),
    List(Vec<Value>),
    Entry(Vec<(String, Value)>),
    /// Of another kind, or nested too deeply.
    Other,
}

/// The fields of a record that are read.
#[derive(Clone, Debug, Default)]
pub(super) struct Record(Vec<(String, Value)>);

/// So deep go lists and entries that are read: a list of entries.
const DEPTH: usize = 3;
/// What a list holds beyond this is passed over.
const MOST_ITEMS: usize = 20_000;

impl Record {
    /// The record in these bytes of BSON, which hold just it. Nothing of it is copied but the fields that are read, and
    /// nothing is followed deeper than [`DEPTH`].
    pub(super) fn of_bson(bytes: &[u8], fields: &[&[&str]]) -> Result<Self, String> {
        let document = RawDocument::from_bytes(bytes).map_err(|error| error.to_string())?;
        let mut record = Vec::new();
        for element in document {
            let (name, value) = element.map_err(|error| error.to_string())?;
            let name = name.as_str();
            if is_read(name, fields) {
                record.push((name.to_owned(), of_bson(value, DEPTH)?));
            }
        }
        Ok(Self(record))
    }

    /// The record in this JSON.
    pub(super) fn of_json(bytes: &[u8], fields: &[&[&str]]) -> Result<Self, String> {
        match serde_json::from_slice(bytes).map_err(|error| error.to_string())? {
            Json::Object(members) => {
                let read = members.into_iter().filter(|(name, _)| is_read(name, fields));
                Ok(Self(read.map(|(name, value)| (name, of_json(value, DEPTH))).collect()))
            }
            _ => Err("this is no object".to_owned()),
        }
    }

    /// The value under the first of these names that the record has, other than null.
    pub(super) fn get(&self, names: &[&str]) -> Option<&Value> {
        find(&self.0, names).filter(|value| **value != Value::Null)
    }

    pub(super) fn id(&self, names: &[&str]) -> Option<ObjectId> {
        self.get(names)?.id()
    }

    pub(super) fn text(&self, names: &[&str]) -> Option<String> {
        self.get(names)?.text()
    }

    pub(super) fn moment(&self, names: &[&str]) -> Option<Timestamp> {
        self.get(names)?.moment()
    }

    pub(super) fn is_set(&self, names: &[&str]) -> bool {
        names.iter().any(|name| matches!(find(&self.0, &[name]), Some(Value::Flag(true))))
    }
}

impl Value {
    /// The id that it is, or that stands in it.
    pub(super) fn id(&self) -> Option<ObjectId> {
        match self {
            Self::Id(id) => Some(*id),
            Self::Text(text) => text.parse().ok(),
            Self::Entry(fields) => ENTRY.iter().find_map(|name| find(fields, &[name])?.id()),
            _ => None,
        }
    }

    pub(super) fn text(&self) -> Option<String> {
        match self {
            Self::Text(text) => Some(text.clone()),
            Self::Number(number) => Some(number.to_string()),
            _ => None,
        }
    }

    pub(super) fn moment(&self) -> Option<Timestamp> {
        match self {
            Self::Moment(millis) | Self::Number(millis) => Some(Timestamp::from_millis(*millis)),
            Self::Text(text) => text.parse().ok(),
            _ => None,
        }
    }

    /// What it holds, when it is a list; else it is the only one.
    pub(super) fn items(&self) -> &[Self] {
        match self {
            Self::List(items) => items,
            other => std::slice::from_ref(other),
        }
    }

    /// The field of an entry under the first of these names.
    pub(super) fn field(&self, names: &[&str]) -> Option<&Self> {
        match self {
            Self::Entry(fields) => find(fields, names),
            _ => None,
        }
    }
}

fn find<'a>(fields: &'a [(String, Value)], names: &[&str]) -> Option<&'a Value> {
    names.iter().find_map(|name| fields.iter().find(|(field, _)| field == name)).map(|(_, value)| value)
}

fn is_read(name: &str, fields: &[&[&str]]) -> bool {
    fields.iter().any(|names| names.contains(&name))
}

fn of_bson(value: RawBsonRef<'_>, depth: usize) -> Result<Value, String> {
    Ok(match value {
        RawBsonRef::Null | RawBsonRef::Undefined => Value::Null,
        RawBsonRef::ObjectId(id) => Value::Id(ObjectId::from_bytes(id.bytes())),
        RawBsonRef::String(text) | RawBsonRef::Symbol(text) => Value::Text(text.to_owned()),
        RawBsonRef::Boolean(flag) => Value::Flag(flag),
        RawBsonRef::Int32(number) => Value::Number(number.into()),
        RawBsonRef::Int64(number) => Value::Number(number),
        RawBsonRef::Double(number) => whole(number),
        RawBsonRef::DateTime(moment) => Value::Moment(moment.timestamp_millis()),
        RawBsonRef::Array(items) if depth > 0 => {
            let items = items.into_iter().take(MOST_ITEMS);
            let read = items.map(|item| of_bson(item.map_err(|error| error.to_string())?, depth - 1));
            Value::List(read.collect::<Result<_, String>>()?)
        }
        RawBsonRef::Document(fields) if depth > 0 => {
            let read = fields.into_iter().take(MOST_ITEMS).map(|field| {
                let (name, value) = field.map_err(|error| error.to_string())?;
                Ok((name.as_str().to_owned(), of_bson(value, depth - 1)?))
            });
            Value::Entry(read.collect::<Result<_, String>>()?)
        }
        _ => Value::Other,
    })
}

/// Extended JSON v2 writes what JSON does not have as objects whose only name begins with `$`.
fn of_json(value: Json, depth: usize) -> Value {
    match value {
        Json::Null => Value::Null,
        Json::Bool(flag) => Value::Flag(flag),
        Json::String(text) => Value::Text(text),
        Json::Number(number) => match number.as_i64() {
            Some(number) => Value::Number(number),
            None => number.as_f64().map_or(Value::Other, whole),
        },
        Json::Array(items) if depth > 0 => {
            Value::List(items.into_iter().take(MOST_ITEMS).map(|item| of_json(item, depth - 1)).collect())
        }
        Json::Object(members) => {
            if let Some(value) = extended(&members) {
                return value;
            }
            if depth == 0 {
                return Value::Other;
            }
            Value::Entry(members.into_iter().map(|(name, value)| (name, of_json(value, depth - 1))).collect())
        }
        Json::Array(_) => Value::Other,
    }
}

fn extended(members: &serde_json::Map<String, Json>) -> Option<Value> {
    let (name, value) = members.iter().next().filter(|_| members.len() == 1)?;
    Some(match (name.as_str(), value) {
        ("$oid", Json::String(id)) => id.parse().map_or(Value::Other, Value::Id),
        ("$date", Json::String(text)) => {
            text.parse().map_or(Value::Other, |moment: Timestamp| Value::Moment(moment.as_millis()))
        }
        ("$date", Json::Number(millis)) => millis.as_i64().map_or(Value::Other, Value::Moment),
        ("$date", Json::Object(millis)) => match extended(millis) {
            Some(Value::Number(millis)) => Value::Moment(millis),
            _ => Value::Other,
        },
        ("$numberInt" | "$numberLong", Json::String(number)) => number.parse().map_or(Value::Other, Value::Number),
        ("$numberDouble", Json::String(number)) => number.parse().map_or(Value::Other, whole),
        ("$symbol", Json::String(text)) => Value::Text(text.clone()),
        ("$undefined", _) => Value::Null,
        (name, _) if name.starts_with('$') => Value::Other,
        _ => return None,
    })
}

#[expect(clippy::cast_possible_truncation, reason = "it is whole, and `as` stays within the bounds")]
fn whole(number: f64) -> Value {
    if number.fract() == 0.0 { Value::Number(number as i64) } else { Value::Other }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "507f1f77bcf86cd799439011";
    const FIELDS: &[&[&str]] = &[&["_id"], &["at"], &["n"], &["list"], &["deep"]];

    #[test]
    fn both_forms_of_extended_json_and_bson_mean_the_same() {
        let canonical = format!(
            r#"{{"_id":{{"$oid":"{ID}"}},"at":{{"$date":{{"$numberLong":"1700000000123"}}}},"n":{{"$numberInt":"5"}},"x":1}}"#
        );
        let relaxed = format!(r#"{{"_id":{{"$oid":"{ID}"}},"at":{{"$date":"2023-11-14T22:13:20.123Z"}},"n":5}}"#);
        let id = bson::oid::ObjectId::parse_str(ID).unwrap();
        let at = bson::DateTime::from_millis(1_700_000_000_123);
        let bytes = bson::doc! { "_id": id, "at": at, "n": 5, "x": "passed over" }.to_vec().unwrap();
        let records = [
            Record::of_json(canonical.as_bytes(), FIELDS),
            Record::of_json(relaxed.as_bytes(), FIELDS),
            Record::of_bson(&bytes, FIELDS),
        ];
        for record in records.map(Result::unwrap) {
            assert_eq!(record.id(&["_id"]).unwrap().to_string(), ID);
            assert_eq!(record.moment(&["at"]).unwrap().as_millis(), 1_700_000_000_123);
            assert_eq!(record.text(&["n"]).unwrap(), "5");
            assert_eq!(record.get(&["x"]), None);
        }
    }

    #[test]
    fn what_is_nested_deeper_than_anything_means_is_not_followed() {
        let mut document = vec![5, 0, 0, 0, 0];
        for _ in 0..10_000 {
            let length = u32::try_from(document.len() + 11).unwrap();
            document = [&length.to_le_bytes()[..], b"\x03deep\0", &document, &[0]].concat();
        }
        assert!(Record::of_bson(&document, FIELDS).is_ok());
        let deep = format!("{{\"deep\":{}1{}}}", "[".repeat(100), "]".repeat(100));
        assert!(Record::of_json(deep.as_bytes(), FIELDS).is_ok());
        let too_deep = format!("{{\"deep\":{}1{}}}", "[".repeat(5_000), "]".repeat(5_000));
        assert!(Record::of_json(too_deep.as_bytes(), FIELDS).is_err());
    }

    #[test]
    fn an_entry_stands_for_whom_it_names() {
        let json = format!(r#"{{"list":[{{"user":{{"$oid":"{ID}"}},"lastReadAt":null}},"{ID}",{{"_id":"{ID}"}},7]}}"#);
        let record = Record::of_json(json.as_bytes(), FIELDS).unwrap();
        let ids: Vec<_> = record.get(&["list"]).unwrap().items().iter().map(Value::id).collect();
        assert_eq!(ids.iter().flatten().count(), 3);
        assert_eq!(ids[3], None);
        assert_eq!(record.get(&["list"]).unwrap().items()[0].field(&["lastReadAt"]), Some(&Value::Null));
    }
}
