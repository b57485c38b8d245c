//! The `longshore` binary.

/// Returns freed memory to the system sooner and costs less per allocation than the C library's.
#[cfg(feature = "mimalloc")]
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    longshore::run(std::env::args_os())
}
