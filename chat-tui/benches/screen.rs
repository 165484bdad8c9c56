fn main() {
    chat_tui::measure::run();
}
