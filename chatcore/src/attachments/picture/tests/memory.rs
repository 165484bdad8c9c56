//! Memory: what is reserved is enough, and no more than there is.

use std::io::Write;
use std::process::Command;

use image::{DynamicImage, RgbaImage};

use super::super::{Bounds, Format, Memory, Size};
use super::made::{exif, flag, gif, glass, jpeg, png, progressive, webp, with_segment};
use super::{futures_now, made_of};

/// The file that the process below is to clean.
const FILE: &str = "CHAT_TEST_PICTURE";

fn pictures(width: u32, height: u32) -> Vec<(&'static str, Format, Vec<u8>)> {
    let pixels = flag(width, height);
    let opaque = DynamicImage::ImageRgb8(pixels.clone());
    let turned = with_segment(&jpeg(&pixels), 0xe1, &[b"Exif\0\0".to_vec(), exif(6)].concat());
    vec![
        ("png", Format::Png, png(&opaque)),
        ("png of 16 bits", Format::Png, png(&opaque.to_rgba16().into())),
        ("png that is seen through", Format::Png, png(&glass(width, height).into())),
        ("jpeg", Format::Jpeg, jpeg(&pixels)),
        ("jpeg that is turned", Format::Jpeg, turned),
        ("progressive jpeg", Format::Jpeg, progressive(width, height)),
        ("gif", Format::Gif, gif(&pixels, 1)),
        ("webp", Format::Webp, webp(&RgbaImage::from_pixel(width, height, image::Rgba([1, 2, 3, 4])))),
    ]
}

#[test]
fn a_picture_needs_no_more_memory_than_was_reserved_for_it() {
    for (name, format, bytes) in pictures(1_500, 1_000) {
        let size = Size::read(&mut std::io::Cursor::new(&bytes), format, &Bounds::default()).expect("its size");
        let mut file = tempfile::NamedTempFile::new().expect("a file");
        file.write_all(&[&[format as u8], bytes.as_slice()].concat()).expect("it is written");
        let this = std::env::current_exe().expect("this program");
        let output = Command::new(this)
            .args(["--exact", "attachments::picture::tests::memory::process", "--ignored", "--nocapture"])
            .env(FILE, file.path())
            .output()
            .expect("it runs");
        let said = String::from_utf8_lossy(&output.stdout);
        let taken =
            said.lines().find_map(|line| line.strip_prefix("taken ")).unwrap_or_else(|| panic!("{name}: {said}"));
        let taken: u64 = taken.parse().expect("a number");
        println!("{name}: {:.1} B a pixel taken, {:.1} reserved", per_pixel(taken), per_pixel(size.memory));
        assert!(taken <= size.memory, "{name}: {taken} of {}", size.memory);
    }
}

fn per_pixel(bytes: u64) -> f64 {
    f64::from(u32::try_from(bytes >> 10).expect("it is small")) * 1_024.0 / 1_500_000.0
}

/// Not a test: what the one above runs in a process of its own.
#[test]
#[ignore = "run by the test above, with `cargo test -p chatcore --lib picture::tests::memory`"]
fn process() {
    let Some(path) = std::env::var_os(FILE) else { return };
    let bytes = std::fs::read(path).expect("the picture");
    let format = [Format::Png, Format::Jpeg, Format::Gif, Format::Webp][usize::from(bytes[0])];
    // The program itself comes into memory as it is used; that is not counted.
    for (_, format, bytes) in pictures(300, 200) {
        made_of(format, &bytes).expect("it is taken");
    }
    std::fs::write("/proc/self/clear_refs", "5").expect("the most is forgotten");
    let before = most_resident();
    made_of(format, &bytes[1..]).expect("it is taken");
    println!("\ntaken {}", most_resident() - before);
}

/// The most memory that this process has had, in bytes.
fn most_resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("its status");
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("the most memory");
    line.trim().trim_end_matches(" kB").parse::<u64>().expect("a number") << 10
}

#[tokio::test]
async fn pictures_wait_for_each_other() {
    let size = |width| {
        let bytes = png(&DynamicImage::ImageRgb8(flag(width, 100)));
        Size::read(&mut std::io::Cursor::new(bytes), Format::Png, &Bounds::default()).expect("its size")
    };
    let (small, large) = (size(100), size(16_000));
    assert!(small.memory < 3 << 20 && large.memory > 6 << 20);
    let memory = Memory::new(6 << 20);
    let first = memory.reserve(&small).await;
    let second = memory.reserve(&small).await;
    // Larger than all there is: it gets everything, and so waits for everybody.
    let mut third = Box::pin(memory.reserve(&large));
    assert!(is_waiting(&mut third).await);
    drop(first);
    assert!(is_waiting(&mut third).await);
    drop(second);
    let third = third.await;
    let mut fourth = Box::pin(memory.reserve(&small));
    assert!(is_waiting(&mut fourth).await);
    drop(third);
    fourth.await;
}

async fn is_waiting<T>(future: &mut (impl Future<Output = T> + Unpin)) -> bool {
    std::future::poll_fn(|context| std::task::Poll::Ready(std::pin::Pin::new(&mut *future).poll(context).is_pending()))
        .await
}

#[test]
fn a_budget_is_never_nothing() {
    let size =
        Size::read(&mut std::io::Cursor::new(jpeg(&flag(8, 8))), Format::Jpeg, &Bounds::default()).expect("its size");
    futures_now(Memory::new(0).reserve(&size));
}
