//! Whether what is stored is what was promised.

use std::collections::{BTreeMap, HashMap};

/// What one sender did and was told, in the order in which it sent for the first time.
#[derive(Clone, Debug, Default)]
pub struct Sent {
    /// Client ids, in order.
    pub ids: Vec<String>,
    /// The number that the server gave a message when it acknowledged it.
    pub acknowledged: BTreeMap<String, u64>,
}

/// A message as it is read back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored {
    pub seq: u64,
    pub author: String,
    pub client_id: String,
}

/// Everything that is wrong with a conversation's history, given what each author sent. Empty: nothing.
pub fn faults(sent: &BTreeMap<String, Sent>, stored: &[Stored]) -> Vec<String> {
    let mut faults = Vec::new();
    for (i, message) in stored.iter().enumerate() {
        let due = i as u64 + 1;
        if message.seq != due {
            faults.push(format!("{} stands where {due} is due", message.seq));
        }
    }
    let mut places: HashMap<(&str, &str), u64> = HashMap::new();
    for message in stored {
        let known = (message.author.as_str(), message.client_id.as_str());
        if let Some(first) = places.insert(known, message.seq) {
            faults.push(format!("{known:?} is stored as {first} and as {}", message.seq));
        }
        if !sent.get(known.0).is_some_and(|sent| sent.ids.iter().any(|id| id == known.1)) {
            faults.push(format!("{known:?} was never sent"));
        }
    }
    for (author, sent) in sent {
        for (id, acknowledged) in &sent.acknowledged {
            match places.get(&(author.as_str(), id.as_str())) {
                Some(seq) if seq == acknowledged => {}
                Some(seq) => faults.push(format!("{id} was acknowledged as {acknowledged} and is stored as {seq}")),
                None => faults.push(format!("{id} was acknowledged as {acknowledged} and is missing")),
            }
        }
        let order = sent.ids.iter().filter_map(|id| places.get(&(author.as_str(), id.as_str())));
        if !order.is_sorted() {
            faults.push(format!("the messages of {author} are out of order"));
        }
    }
    faults
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(acknowledged: &[(&str, u64)]) -> BTreeMap<String, Sent> {
        let sent = Sent {
            ids: ["a", "b", "c"].map(str::to_owned).to_vec(),
            acknowledged: acknowledged.iter().map(|(id, seq)| ((*id).to_owned(), *seq)).collect(),
        };
        BTreeMap::from([("ana".to_owned(), sent)])
    }

    fn stored(messages: &[(u64, &str)]) -> Vec<Stored> {
        let stored = messages.iter().map(|(seq, id)| Stored {
            seq: *seq,
            author: "ana".to_owned(),
            client_id: (*id).to_owned(),
        });
        stored.collect()
    }

    #[test]
    fn a_history_that_keeps_its_promises_has_no_faults() {
        assert!(faults(&sent(&[]), &[]).is_empty());
        assert!(faults(&sent(&[("a", 1)]), &stored(&[(1, "a")])).is_empty());
        // What was not acknowledged may be there or not.
        assert!(faults(&sent(&[("a", 1)]), &stored(&[(1, "a"), (2, "b")])).is_empty());
    }

    #[test]
    fn every_broken_promise_is_seen() {
        let acknowledged = [("a", 1), ("b", 2)];
        for (what, broken) in [
            ("missing", stored(&[(1, "a")])),
            ("stored as 1 and as 3", stored(&[(1, "a"), (2, "b"), (3, "a")])),
            ("out of order", stored(&[(1, "b"), (2, "a")])),
            ("acknowledged as 2 and is stored as 3", stored(&[(1, "a"), (2, "c"), (3, "b")])),
            ("3 stands where 2 is due", stored(&[(1, "a"), (3, "b")])),
            ("2 stands where 1 is due", stored(&[(2, "b"), (1, "a")])),
            ("never sent", stored(&[(1, "a"), (2, "b"), (3, "x")])),
        ] {
            let faults = faults(&sent(&acknowledged), &broken);
            assert!(faults.iter().any(|fault| fault.contains(what)), "{what}: {faults:?}");
        }
    }
}
