//! The decoders, fed with the corpus of the fuzzer, with changes of it, and with random bytes.
//!
//! `CHAT_PROPTEST_CASES` runs more cases than the usual 64.

use std::path::Path;

use chat_tests::option;
use proptest::prelude::*;
use proptest::sample::Index;
use proptest::test_runner::{Config, TestRunner};

#[path = "../../fuzz/src/decode.rs"]
#[expect(unreachable_pub, reason = "in the fuzzer's own package it is a library")]
mod decode;

type Decoder = fn(&[u8]);

const DECODERS: [(&str, Decoder); 5] = [
    ("frames", decode::frames),
    ("bodies", decode::bodies),
    ("cursors", decode::cursors),
    ("files", decode::files),
    ("ids", decode::ids),
];

fn corpus(name: &str) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/corpus").join(name);
    let files = folder.read_dir().expect("a corpus").map(|file| file.expect("a file").path());
    files.map(|file| std::fs::read(file).expect("a file")).collect()
}

#[test]
fn the_corpus_breaks_no_decoder() {
    for (name, decode) in DECODERS {
        let corpus = corpus(name);
        assert!(corpus.len() >= 4, "{name}");
        for bytes in corpus {
            decode(&bytes);
        }
    }
}

/// What is valid, and a little beside it: some bytes replaced, a piece doubled, a piece gone.
fn changed(corpus: Vec<Vec<u8>>) -> impl Strategy<Value = Vec<u8>> {
    let replaced = prop::collection::vec((any::<Index>(), any::<u8>()), 0..4);
    let piece = (any::<Index>(), any::<Index>(), 0..3_usize);
    (prop::sample::select(corpus), replaced, piece).prop_map(|(mut bytes, replaced, (from, to, times))| {
        if bytes.is_empty() {
            return bytes;
        }
        for (at, byte) in replaced {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        let (from, to) = (from.index(bytes.len()), to.index(bytes.len()));
        let piece = bytes[from.min(to)..from.max(to)].repeat(times);
        bytes.splice(from.min(to)..from.max(to), piece);
        bytes
    })
}

#[test]
fn no_bytes_break_a_decoder() {
    let cases = option("CHAT_PROPTEST_CASES").map_or(64, |cases| u32::try_from(cases).expect("a number"));
    for (_, decode) in DECODERS {
        let config = Config { cases, failure_persistence: None, ..Config::default() };
        let bytes = prop::collection::vec(any::<u8>(), 0..2_000);
        let texts = "\\PC{0,200}".prop_map(String::into_bytes);
        TestRunner::new(config)
            .run(&prop_oneof![bytes, texts], |bytes| {
                decode(&bytes);
                Ok(())
            })
            .expect("it holds");
    }
}

#[test]
fn nothing_that_is_almost_right_breaks_a_decoder() {
    let cases = option("CHAT_PROPTEST_CASES").map_or(64, |cases| u32::try_from(cases).expect("a number"));
    for (name, decode) in DECODERS {
        // Many are cheap here.
        let config = Config { cases: cases * 8, failure_persistence: None, ..Config::default() };
        TestRunner::new(config)
            .run(&changed(corpus(name)), |bytes| {
                decode(&bytes);
                Ok(())
            })
            .expect("it holds");
    }
}
