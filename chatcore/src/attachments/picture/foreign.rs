//! Parts of pages inside the coded pixels: a decoder passes over what it does not need, and so cannot tell.

use std::fs::File;
use std::io::{Read, Seek};

use super::super::Unfit;

/// By chance none of these stands in 25 MiB of coded pixels once in a hundred thousand pictures.
const WORDS: [&[u8]; 11] = [
    b"<script",
    b"<!doctype",
    b"<html>",
    b"<html ",
    b"<iframe",
    b"<?php ",
    b"<?php\n",
    b"<?php\r",
    b"%pdf-1",
    b"%pdf-2",
    b"<svg xmlns",
];
const LONGEST: usize = 10;
const PIECE: usize = 64 << 10;

/// Refuses a picture that a careless program could take for a page or a document.
pub(super) fn refuse(file: &mut File) -> Result<(), Unfit> {
    file.rewind()?;
    let mut piece = Vec::with_capacity(PIECE + LONGEST);
    loop {
        let read = file.by_ref().take(PIECE as u64).read_to_end(&mut piece)?;
        if read == 0 {
            return Ok(());
        }
        piece.make_ascii_lowercase();
        let mut from = 0;
        while let Some(at) = piece[from..].iter().position(|byte| matches!(byte, b'<' | b'%')) {
            let rest = &piece[from + at..];
            if WORDS.iter().any(|word| rest.starts_with(word)) {
                return Err(Unfit::Damaged("There are parts of a page or a document in this picture."));
            }
            from += at + 1;
        }
        // A word may go on in the next piece.
        piece.drain(..piece.len().saturating_sub(LONGEST));
    }
}
