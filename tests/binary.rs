//! The command-line program as a binary of this package; all of its code is in the library.

fn main() -> std::process::ExitCode {
    genesys_archive::run()
}
