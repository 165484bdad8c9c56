//! The very program that is shipped, where the tests can find it.

fn main() -> std::process::ExitCode {
    chatd::command::main()
}
