//! The very program that is shipped, where the tests can find it.

fn main() -> std::process::ExitCode {
    chat_tui::main()
}
