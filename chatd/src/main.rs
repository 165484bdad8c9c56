//! The command line of the chat server.

fn main() -> std::process::ExitCode {
    chatd::command::main()
}
