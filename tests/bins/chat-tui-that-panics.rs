//! The program that is shipped, with a fault: SIGUSR2 makes it panic. The fault is in here, not in the program.

use tokio::signal::unix::{SignalKind, signal};

fn main() -> std::process::ExitCode {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    std::thread::spawn(move || {
        runtime.block_on(async {
            signal(SignalKind::user_defined2()).expect("a signal").recv().await;
            panic!("asked to, under test");
        });
    });
    chat_tui::main()
}
