fn main() -> std::process::ExitCode {
    chat_tui::measure::run(std::env::args().any(|argument| argument == "--check"))
}
